from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.bin.denoise import main
from espnet2_ext.denoisers.registry import DENOISERS
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from tests.denoisers.half import Half
from tests.tiny_corpus import FS, write_data_dir


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Half:
    fake = Half()
    monkeypatch.setitem(DENOISERS, "half", fake.entry)
    return fake


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_dir(tmp_path / "data", utterances=4, seconds=0.3)


def arguments(data: Path, out_dir: Path, *more: str) -> list[str]:
    scp = str(data / "wav.scp")
    options = ["--denoiser", "half", "--scp", scp, "--out_dir", str(out_dir)]
    return [*options, *more]


def test_same_ids_lengths_and_rate_and_aligned(
    fake: Half, data: Path, tmp_path: Path
) -> None:
    main(arguments(data, tmp_path / "out", "--num_threads", "3"))
    noisy, denoised = read_scp(data / "wav.scp"), read_scp(tmp_path / "out/spk1.scp")
    assert list(denoised) == list(noisy)
    for utt, path in denoised.items():
        (wav, fs), (ref, _) = read_audio(path), read_audio(noisy[utt])
        assert fs == FS
        np.testing.assert_allclose(wav, 0.5 * ref, atol=1 / 32768)
    assert fake.loads == [3]


def test_killed_run_goes_on_where_it_was(
    fake: Half, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.fail_at = 2
    with pytest.raises(KeyboardInterrupt):
        main(arguments(data, tmp_path / "out"))
    assert not (tmp_path / "out/spk1.scp").exists()
    fake.fail_at = -1
    main(arguments(data, tmp_path / "out"))
    assert fake.calls == 4
    assert "4 utterances (2 from before)" in capsys.readouterr().out


def test_key_file_picks_the_utterances_of_a_job(
    fake: Half, data: Path, tmp_path: Path
) -> None:
    keys = list(read_scp(data / "wav.scp"))
    write_scp(tmp_path / "keys", {keys[2]: "x", keys[0]: "x"})
    main(arguments(data, tmp_path / "out", "--key_file", str(tmp_path / "keys")))
    assert sorted(read_scp(tmp_path / "out/spk1.scp")) == sorted([keys[0], keys[2]])
    (tmp_path / "more").write_text("nobody\n")
    with pytest.raises(UserError, match=r"wav.scp lacks ids of .*more: nobody"):
        main(arguments(data, tmp_path / "b", "--key_file", str(tmp_path / "more")))


def test_absent_denoiser_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    code = (
        "from espnet2_ext.bin import denoise as d\n"
        "from espnet2_ext.denoisers import registry as r\n"
        "names = {'package': 'x', 'module': 'no_such', 'install': 'x==1'}\n"
        "r.DENOISERS['x'] = r.Denoiser(label='X', load=print, **names)\n"
        "d.run_main(lambda: d.main(['--denoiser', 'x', '--check']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "ERROR: denoiser x is not installed: pip install x==1\n"


def test_check_names_the_version(
    fake: Half, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--denoiser", "half", "--check"])
    assert capsys.readouterr().out == f"Half: numpy {np.__version__}\n"
    assert fake.loads == []


@pytest.mark.parametrize("lost", ["--scp", "--out_dir"])
def test_input_and_output_are_needed(fake: Half, lost: str, tmp_path: Path) -> None:
    words = arguments(tmp_path, tmp_path / "out")
    place = words.index(lost)
    with pytest.raises(UserError, match="expected both"):
        main(words[:place] + words[place + 2 :])
