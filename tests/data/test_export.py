"""The rules are those of Kaldi's validate_data_dir.sh, checked independently of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.data.export import read_tables, write_data_dir
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio


def make(root: Path, utt2spk: dict[str, str], text: dict[str, str] | None = None):
    """A data directory and an enhanced set, both in file order as given."""
    data = root / "dump"
    data.mkdir(parents=True)
    wavs = {}
    for utt in utt2spk:
        wavs[utt] = root / "enhanced" / f"{utt}.wav"
        write_audio(wavs[utt], np.zeros(160, np.float32), 16000)
    tables = {
        root / "enhanced/spk1.scp": wavs,
        data / "utt2spk": utt2spk,
        data / "text": text or dict.fromkeys(utt2spk, "some words"),
    }
    for path, table in tables.items():
        path.write_text("".join(f"{k} {v}\n" for k, v in table.items()))
    return data


def export(root: Path, speaker: str = "keep") -> Path:
    tables = read_tables(str(root / "enhanced/spk1.scp"), root / "dump", speaker)
    write_data_dir(tables, root / "out")
    return root / "out"


def pairs(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.endswith(b"\n")
    return [line.split(" ", 1) for line in raw.decode().splitlines()]


def test_what_is_written_passes_kaldis_rules(tmp_path: Path) -> None:
    make(tmp_path, {"b-2": "b", "a-1": "a", "B-1": "B", "a-0": "a"})
    out = export(tmp_path)
    names = ("wav.scp", "text", "utt2spk", "spk2utt")
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    for name in names:
        keys = [key for key, _ in pairs(out / name)]
        assert keys == sorted(set(keys), key=str.encode)  # sort -C -u under LC_ALL=C
    utts = [key for key, _ in pairs(out / "utt2spk")]
    assert utts == ["B-1", "a-0", "a-1", "b-2"]
    for name in ("wav.scp", "text"):
        assert [key for key, _ in pairs(out / name)] == utts
    speakers = [speaker for _, speaker in pairs(out / "utt2spk")]
    assert speakers == sorted(speakers, key=str.encode)
    inverse = [(u, s) for s, us in pairs(out / "spk2utt") for u in us.split()]
    assert inverse == [tuple(pair) for pair in pairs(out / "utt2spk")]


def test_audio_paths_hold_from_any_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, {"a-1": "a"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "enhanced/spk1.scp").write_text("a-1 enhanced/a-1.wav\n")
    [[_, path]] = pairs(export(tmp_path) / "wav.scp")
    assert path == str(tmp_path / "enhanced/a-1.wav")


def test_all_problems_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    text = {"a-1": "fine", "a-2": "a <s> b", "a-3": "non\u00a0breaking \u200b"}
    data = make(tmp_path, {"a-1": "a", "a-2": "a", "a-3": "a", "a-4": "a"}, text)
    with (data / "utt2spk").open("a") as stream:
        stream.write("z-9 z\n")
    (tmp_path / "enhanced/a-1.wav").unlink()
    with pytest.raises(UserError) as found:
        export(tmp_path)
    message = str(found.value)
    for part in (
        "6 problems",
        "text: 'a-4' is missing",
        "utt2spk: 'z-9' is too much",
        "wav.scp: 'a-1': ",
        "text: 'a-2': the word <s>",
        "text: 'a-3': white space other than the space: NO-BREAK SPACE",
        "text: 'a-3': the unprintable character ZERO WIDTH SPACE",
    ):
        assert part in message
    assert not (tmp_path / "out").exists()


def test_speakers_out_of_order_are_refused_until_each_utterance_is_its_own(
    tmp_path: Path,
) -> None:
    make(tmp_path, {"utt1": "zoe", "utt2": "adam", "utt3": "zoe"})
    with pytest.raises(UserError, match=r"'utt2' of adam comes after one of zoe"):
        export(tmp_path)
    out = export(tmp_path, "utterance")
    expected = [[utt, utt] for utt in ("utt1", "utt2", "utt3")]
    assert pairs(out / "utt2spk") == expected == pairs(out / "spk2utt")


def test_a_path_with_a_space_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "my data", {"a-1": "a"})
    with pytest.raises(UserError, match="white space in the path"):
        export(tmp_path / "my data")
