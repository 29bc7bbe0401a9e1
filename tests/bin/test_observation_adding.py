from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.bin.observation_adding import main
from espnet2_ext.enh import observation_adding
from espnet2_ext.enh.observation_adding import add_observation
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from tests.tiny_corpus import FS, write_data_dir

STEP = 1 / 32768  # of 16 bits


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a data directory whose clean speech stands for the enhanced."""
    return write_data_dir(tmp_path / "data", utterances=4, seconds=0.3)


def arguments(data: Path, out_dir: Path, weight: float = 0.25, *more: str) -> list[str]:
    options = {
        "--enhanced_scp": data / "spk1.scp",
        "--noisy_scp": data / "wav.scp",
        "--out_dir": out_dir,
        "--weight": weight,
    }
    return [str(word) for pair in options.items() for word in pair] + list(more)


def audio(scp: Path) -> list[np.ndarray]:
    return [read_audio(path)[0] for path in read_scp(scp).values()]


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_mixture_is_level_true_and_has_the_same_ids(
    data: Path, tmp_path: Path, weight: float
) -> None:
    main(arguments(data, tmp_path / "out", weight))
    scps = tmp_path / "out/spk1.scp", data / "spk1.scp", data / "wav.scp"
    assert list(read_scp(scps[0])) == list(read_scp(scps[1]))
    for mixed, enhanced, noisy in zip(*map(audio, scps), strict=True):
        expected = (1 - weight) * enhanced + weight * noisy
        np.testing.assert_allclose(mixed, expected, atol=STEP)


def test_killed_run_goes_on_where_it_was(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    calls = []

    def counted(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return add_observation(*args)

    with monkeypatch.context() as patch:
        patch.setattr(observation_adding, "add_observation", counted)
        with pytest.raises(KeyboardInterrupt):
            main(arguments(data, tmp_path / "out"))
    assert not (tmp_path / "out/spk1.scp").exists()
    times = {p: os.stat(p).st_mtime_ns for p in (tmp_path / "out/wavs/1").iterdir()}
    main(arguments(data, tmp_path / "out"))
    assert "4 utterances (2 from before)" in capsys.readouterr().out
    assert {p: os.stat(p).st_mtime_ns for p in times} == times


@pytest.mark.parametrize("changed", ["spk1.scp", "wav.scp", "weight"])
def test_other_audio_or_weight_is_mixed_again(
    data: Path, tmp_path: Path, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(arguments(data, tmp_path / "out"))
    if changed != "weight":
        first = next(iter(read_scp(data / changed).values()))
        write_audio(first, 0.5 * read_audio(first)[0], FS)
    capsys.readouterr()
    main(arguments(data, tmp_path / "out", 0.5 if changed == "weight" else 0.25))
    kept = 0 if changed == "weight" else 3
    assert f"4 utterances ({kept} from before)" in capsys.readouterr().out


def test_key_file_picks_the_utterances_of_a_job(data: Path, tmp_path: Path) -> None:
    keys = list(read_scp(data / "wav.scp"))
    write_scp(tmp_path / "keys", {keys[1]: "x"})
    main(arguments(data, tmp_path / "out", 0.1, "--key_file", str(tmp_path / "keys")))
    assert list(read_scp(tmp_path / "out/spk1.scp")) == [keys[1]]


def test_sets_that_differ_are_refused(data: Path, tmp_path: Path) -> None:
    noisy = read_scp(data / "wav.scp")
    lost = noisy.popitem()[0]
    write_scp(data / "wav.scp", noisy)
    with pytest.raises(UserError, match=rf"wav.scp lacks ids of .*spk1.scp: {lost}"):
        main(arguments(data, tmp_path / "out"))


def test_audio_that_does_not_fit_is_listed_and_the_rest_kept(
    data: Path, tmp_path: Path
) -> None:
    (first, one), (second, two), *_ = read_scp(data / "wav.scp").items()
    write_audio(one, read_audio(one)[0][:-1], FS)
    write_audio(two, read_audio(two)[0], 8000)
    with pytest.raises(UserError) as error:
        main(arguments(data, tmp_path / "out"))
    message = str(error.value)
    assert "2 of 4 utterances cannot be mixed" in message
    assert f"{first}: enhanced audio (4800,) and noisy audio (4799,)" in message
    assert f"{second}: " in message
    assert "found rates 16000, 8000 Hz" in message
    assert len(list((tmp_path / "out/wavs/1").iterdir())) == 2


def test_second_channel_is_refused(data: Path, tmp_path: Path) -> None:
    for scp in ("spk1.scp", "wav.scp"):
        for path in read_scp(data / scp).values():
            wav, fs = read_audio(path)
            soundfile.write(path, np.stack([wav, wav], axis=1), fs)
    with pytest.raises(UserError, match="expected one channel"):
        main(arguments(data, tmp_path / "out"))


@pytest.mark.parametrize("weight", [-0.1, 1.1, float("nan")])
def test_weight_out_of_range_is_refused(
    data: Path, tmp_path: Path, weight: float
) -> None:
    with pytest.raises(UserError, match=f"--weight: found {weight}, expected 0 to 1"):
        main([*arguments(data, tmp_path / "out")[:-2], f"--weight={weight}"])


@pytest.mark.parametrize(("gain", "warns"), [(1.0, False), (5.0, True), (0.0, False)])
def test_enhanced_speech_without_a_level_is_warned_of(
    data: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    gain: float,
    warns: bool,
) -> None:
    for path in read_scp(data / "spk1.scp").values():
        write_audio(path, gain * read_audio(path)[0], FS)
    main(arguments(data, tmp_path / "out"))
    assert ("when multiplied by 0.2" in caplog.text) is warns
    assert bool(caplog.records) is warns
