from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.denoisers.registry import Denoiser
from espnet2_ext.denoisers.table import denoise_table
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import read_scp
from tests.denoisers.half import DELAY, Half
from tests.tiny_corpus import FS, write_data_dir


@pytest.fixture
def half() -> Half:
    return Half()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data_dir(tmp_path / "data", utterances=4, seconds=0.3)


def denoise(half: Half, data: Path) -> dict[str, str]:
    table = read_scp(data / "wav.scp")
    return denoise_table(half.entry, table, data.parent / "out")[0]


def test_changed_audio_and_lost_files_are_denoised_again(
    half: Half, data: Path, tmp_path: Path
) -> None:
    denoise(half, data)
    first, second, *_ = read_scp(data / "wav.scp").values()
    write_audio(first, np.full(500, 0.25, np.float32), FS)
    name = Path(second).name
    (tmp_path / "out/wavs/1" / name).unlink()
    denoised = denoise(half, data)
    assert half.calls == 6
    wav, _ = read_audio(next(iter(denoised.values())))
    np.testing.assert_allclose(wav, 0.125, atol=1 / 32768)


def test_another_version_starts_anew(
    half: Half, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise(half, data)
    monkeypatch.setattr(Denoiser, "version", "0.0.0")
    denoise(half, data)
    assert half.calls == 8


def test_all_bad_audio_is_listed_and_the_good_is_kept(
    half: Half, data: Path, tmp_path: Path
) -> None:
    first, second, *_ = read_scp(data / "wav.scp")
    table = read_scp(data / "wav.scp")
    Path(table[first]).unlink()
    write_audio(table[second], np.zeros((500, 2), np.float32), FS)
    with pytest.raises(UserError) as error:
        denoise(half, data)
    message = str(error.value)
    assert "2 of 4 utterances" in message
    assert f"{first}: {table[first]}: cannot read audio" in message
    assert f"{second}: has 2 channels" in message
    assert half.calls == 2


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (RuntimeError("padding is larger than the input"), "RuntimeError: padding is"),
        (np.full(1, np.nan), ".*samples that are not finite numbers"),
    ],
)
def test_utterance_on_which_the_library_fails_is_named_and_the_others_are_kept(
    half: Half, data: Path, tmp_path: Path, result: object, reason: str
) -> None:
    usual = half.process
    table = read_scp(data / "wav.scp")
    odd, *others = table
    write_audio(table[odd], np.full(160, 0.1), FS)

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        if len(wav) > 160 + DELAY:
            return usual(wav, fs)
        if isinstance(result, Exception):
            raise result
        return usual(wav, fs) * np.nan

    half.process = process
    with pytest.raises(UserError, match=rf"1 of 4 utterances .*\n{odd}: {reason}"):
        denoise(half, data)
    wavs = tmp_path / "out/wavs/1"
    assert {path.stem for path in wavs.glob("*.wav")} == set(others)


def test_journal_tells_the_settings(half: Half, data: Path, tmp_path: Path) -> None:
    denoise(half, data)
    first = (tmp_path / "out/.journal.jsonl").read_text().splitlines()[0]
    assert json.loads(first)["settings"] == {
        "package": "numpy",
        "version": np.__version__,
        "rate": None,
        "delay": DELAY,
    }
