from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.bin.denoise import main
from espnet2_ext.denoisers.registry import DENOISERS, Denoiser
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from tests.tiny_corpus import FS, write_data_dir

DELAY = 11


class Fake:
    """A registry entry that halves and delays, and counts what it is asked."""

    def __init__(self) -> None:
        self.loads: list[int] = []
        self.calls = 0
        self.fail_at = -1

    def load(self, num_threads: int):
        self.loads.append(num_threads)
        return self.process

    def process(self, wav: np.ndarray, fs: int) -> np.ndarray:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        return np.pad(0.5 * wav, (DELAY, 0))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    fake = Fake()
    entry = Denoiser("Half", "numpy", "numpy", "numpy", None, DELAY, fake.load)
    monkeypatch.setitem(DENOISERS, "half", entry)
    return fake


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_dir(tmp_path / "data", utterances=4, seconds=0.3)


def arguments(data: Path, out_dir: Path, *more: str) -> list[str]:
    scp = str(data / "wav.scp")
    options = ["--denoiser", "half", "--scp", scp, "--out_dir", str(out_dir)]
    return [*options, *more]


def test_same_ids_lengths_and_rate_and_aligned(
    fake: Fake, data: Path, tmp_path: Path
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
    fake: Fake, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.fail_at = 2
    with pytest.raises(KeyboardInterrupt):
        main(arguments(data, tmp_path / "out"))
    assert not (tmp_path / "out/spk1.scp").exists()
    fake.fail_at = -1
    main(arguments(data, tmp_path / "out"))
    assert fake.calls == 4
    assert "4 utterances (2 from before)" in capsys.readouterr().out


def test_changed_audio_and_lost_files_are_denoised_again(
    fake: Fake, data: Path, tmp_path: Path
) -> None:
    main(arguments(data, tmp_path / "out"))
    first, second, *_ = read_scp(data / "wav.scp").values()
    write_audio(first, np.full(500, 0.25, np.float32), FS)
    name = Path(second).name
    (tmp_path / "out/wavs/1" / name).unlink()
    main(arguments(data, tmp_path / "out"))
    assert fake.calls == 6
    wav, _ = read_audio(next(iter(read_scp(tmp_path / "out/spk1.scp").values())))
    np.testing.assert_allclose(wav, 0.125, atol=1 / 32768)


def test_another_version_starts_anew(
    fake: Fake, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(arguments(data, tmp_path / "out"))
    monkeypatch.setattr(Denoiser, "version", "0.0.0")
    main(arguments(data, tmp_path / "out"))
    assert fake.calls == 8


def test_key_file_picks_the_utterances_of_a_job(
    fake: Fake, data: Path, tmp_path: Path
) -> None:
    keys = list(read_scp(data / "wav.scp"))
    write_scp(tmp_path / "keys", {keys[2]: "x", keys[0]: "x"})
    main(arguments(data, tmp_path / "out", "--key_file", str(tmp_path / "keys")))
    assert sorted(read_scp(tmp_path / "out/spk1.scp")) == sorted([keys[0], keys[2]])
    (tmp_path / "more").write_text("nobody\n")
    with pytest.raises(UserError, match=r"wav.scp lacks ids of .*more: nobody"):
        main(arguments(data, tmp_path / "b", "--key_file", str(tmp_path / "more")))


def test_all_bad_audio_is_listed_and_the_good_is_kept(
    fake: Fake, data: Path, tmp_path: Path
) -> None:
    first, second, *_ = read_scp(data / "wav.scp")
    table = read_scp(data / "wav.scp")
    Path(table[first]).unlink()
    write_audio(table[second], np.zeros((500, 2), np.float32), FS)
    with pytest.raises(UserError) as error:
        main(arguments(data, tmp_path / "out"))
    message = str(error.value)
    assert "2 of 4 utterances" in message
    assert f"{first}: {table[first]}: cannot read audio" in message
    assert f"{second}: has 2 channels" in message
    assert fake.calls == 2
    assert not (tmp_path / "out/spk1.scp").exists()


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RuntimeError("padding is larger than the input"), "RuntimeError: padding is"),
        (np.full(1, np.nan), ".*samples that are not finite numbers"),
    ],
)
def test_utterance_on_which_the_library_fails_is_named_and_the_others_are_kept(
    fake: Fake, data: Path, tmp_path: Path, result: object, reason: str
) -> None:
    usual = fake.process
    table = read_scp(data / "wav.scp")
    odd, *others = table
    write_audio(table[odd], np.full(160, 0.1), FS)

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        if len(wav) > 160 + DELAY:
            return usual(wav, fs)
        if isinstance(result, Exception):
            raise result
        return usual(wav, fs) * np.nan

    fake.process = process  # type: ignore[method-assign]
    with pytest.raises(UserError, match=rf"1 of 4 utterances .*\n{odd}: {reason}"):
        main(arguments(data, tmp_path / "out"))
    wavs = tmp_path / "out/wavs/1"
    assert {path.stem for path in wavs.glob("*.wav")} == set(others)


def test_absent_denoiser_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    code = (
        "from espnet2_ext.bin import denoise as d\n"
        "from espnet2_ext.denoisers import registry as r\n"
        "r.DENOISERS['x'] = r.Denoiser('X', 'x', 'no_such', 'x==1', None, 0, print)\n"
        "d.run_main(lambda: d.main(['--denoiser', 'x', '--check']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "ERROR: denoiser x is not installed: pip install x==1\n"


def test_check_names_the_version(
    fake: Fake, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--denoiser", "half", "--check"])
    assert capsys.readouterr().out == f"Half: numpy {np.__version__}\n"
    assert fake.loads == []


@pytest.mark.parametrize("lost", ["--scp", "--out_dir"])
def test_input_and_output_are_needed(fake: Fake, lost: str, tmp_path: Path) -> None:
    words = arguments(tmp_path, tmp_path / "out")
    place = words.index(lost)
    with pytest.raises(UserError, match="expected both"):
        main(words[:place] + words[place + 2 :])


def test_journal_tells_the_settings(fake: Fake, data: Path, tmp_path: Path) -> None:
    main(arguments(data, tmp_path / "out"))
    first = (tmp_path / "out/.journal.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["settings"] == {
        "package": "numpy",
        "version": np.__version__,
        "rate": None,
        "delay": DELAY,
    }
