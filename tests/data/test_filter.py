"""Strict bounds on the length, every file filtered alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.data.filter import filter_directory
from espnet2_ext.errors import UserError

LENGTHS = {"a": 1600, "b": 1601, "c": 31999, "d": 32000}  # bounds: 0.1 s and 2 s


def make_org(directory: Path) -> Path:
    org = directory / "org"
    org.mkdir()
    for name in ("wav.scp", "spk1.scp", "text", "utt2snr"):
        (org / name).write_text("".join(f"{u} {name}-{u}\n" for u in LENGTHS))
    lengths = "".join(f"{u} {n}\n" for u, n in LENGTHS.items())
    (org / "utt2num_samples").write_text(lengths)
    (org / "utt2spk").write_text("a s1\nb s1\nc s2\nd s3\n")
    (org / "spk2utt").write_text("s1 a b\ns2 c\ns3 d\n")
    (org / "feats_type").write_text("raw\n")
    (org / ".stamp").write_text("not data\n")
    return org


def filter_org(directory: Path, shortest: int = 1600, longest: int = 32000) -> Path:
    out = directory / "out"
    kept, total = filter_directory(directory / "org", out, shortest, longest)
    assert (kept, total) == (2, 4)
    return out


def test_both_bounds_are_strict_and_every_file_every_file_follows(tmp_path):
    make_org(tmp_path)
    out = filter_org(tmp_path)
    for name in ("wav.scp", "spk1.scp", "text", "utt2snr"):
        assert (out / name).read_text() == f"b {name}-b\nc {name}-c\n"
    assert (out / "utt2num_samples").read_text() == "b 1601\nc 31999\n"


def test_speakers_without_utterances_disappear(tmp_path):
    make_org(tmp_path)
    out = filter_org(tmp_path)
    assert (out / "utt2spk").read_text() == "b s1\nc s2\n"
    assert (out / "spk2utt").read_text() == "s1 b\ns2 c\n"
    assert (out / "feats_type").read_text() == "raw\n"
    assert not (out / ".stamp").exists()


def test_nothing_left_is_an_error_with_the_lengths(tmp_path):
    make_org(tmp_path)
    with pytest.raises(UserError, match=r"found 1600 to 32000; .*--max_wav_duration"):
        filter_org(tmp_path, 80000, 96000)
    assert not (tmp_path / "out/wav.scp").exists()


def test_lists_by_speaker_follow_their_speakers_and_others_are_copied(tmp_path):
    org = make_org(tmp_path)
    (org / "spk2gender").write_text("s1 m\ns2 f\ns3 f\n")
    others = {
        "stm": b";; comment\n\nrec a s1 0.0 1.0 <o,f0> one two\n",
        "glm": b"* name glm\n\n[a] => b\n",
        "README.md": b"notes\n",
        "manifest.json": b'{"plan": 1}',
        "picture": b"\x89PNG\xff",
        "nothing": b"",
    }
    for name, content in others.items():
        (org / name).write_bytes(content)
    out = filter_org(tmp_path)
    assert (out / "spk2gender").read_text() == "s1 m\ns2 f\n"
    for name, content in others.items():
        assert (out / name).read_bytes() == content
