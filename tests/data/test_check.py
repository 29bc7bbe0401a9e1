"""A data directory as a whole: what is missing, permissions, and the messages."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.data.check import check_data_dir
from espnet2_ext.data.problems import in_groups
from tests.data.checking import audio, edit, found, swap


def test_correct_directory_has_no_problems(data_dir):
    assert check_data_dir(data_dir, fs=16000) == []


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "utt2spk", "spk2utt"])
def test_missing_list(data_dir, name):
    (data_dir / name).unlink()
    assert (name, 0, "-", "missing-file") in found(data_dir)


def test_missing_text_is_only_a_warning(data_dir):
    (data_dir / "text").unlink()
    problems = check_data_dir(data_dir)
    assert [(p.kind, p.warning) for p in problems] == [("missing-file", True)]


def test_missing_directory_and_empty_list(tmp_path, data_dir):
    assert found(tmp_path / "nowhere") == {("nowhere", 0, "-", "missing-file")}
    (data_dir / "wav.scp").write_text("")
    assert ("wav.scp", 0, "-", "no-utterances") in found(data_dir)


def test_segments_are_said_not_to_be_applied_and_nothing_else(data_dir):
    lines = (data_dir / "wav.scp").read_text().splitlines()
    for name in ("wav", "spk1", "noise1"):
        path = audio(data_dir, name, "a-1")
        (data_dir / f"{name}.scp").write_text(f"rec {path}\n")
    pieces = "".join(f"{line.split()[0]} rec 0 0.1\n" for line in lines)
    (data_dir / "segments").write_text(pieces)
    assert found(data_dir) == {("segments", 0, "-", "segments")}


@contextmanager
def ordinary_user(folder):
    """Act as nobody in particular; tests of CI run as root, whom no mode stops."""
    for parent in [folder, *folder.parents]:
        if Path(tempfile.gettempdir()) in parent.parents:
            parent.chmod(parent.stat().st_mode | 0o055)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("what", ["list", "audio", "folder of audio", "folder"])
def test_what_may_not_be_read_is_named_and_the_rest_is_checked(data_dir, what):
    forbidden = {
        "list": data_dir / "text",
        "audio": audio(data_dir, "spk1", "a-2"),
        "folder of audio": data_dir / "audio/noise1",
        "folder": data_dir,
    }[what]
    soundfile.write(audio(data_dir, "wav", "b-1"), np.zeros(8000), 16000)
    with ordinary_user(data_dir):
        assert found(data_dir) == {("wav.scp", 3, "b-1", "all-zero")}
    mode = forbidden.stat().st_mode
    forbidden.chmod(0)
    try:
        with ordinary_user(data_dir.parent):
            problems = found(data_dir)
    finally:
        forbidden.chmod(mode)
    named = {(file, line, utt) for file, line, utt, kind in problems if "forb" in kind}
    utts = enumerate(("a-1", "a-2", "b-1"), start=1)
    assert (
        named
        == {
            "list": {("text", 0, "-")},
            "audio": {("spk1.scp", 2, "a-2")},
            "folder of audio": {("noise1.scp", line, utt) for line, utt in utts},
            "folder": {(data_dir.name, 0, "-")},
        }[what]
    )
    assert what == "folder" or ("wav.scp", 3, "b-1", "all-zero") in problems


def test_without_audio_only_the_files_must_be_there(data_dir):
    soundfile.write(audio(data_dir, "spk1", "a-1"), np.zeros(8000), 16000)
    audio(data_dir, "wav", "a-2").unlink()
    assert found(data_dir, audio=False) == {("wav.scp", 2, "a-2", "missing-audio")}


def test_all_problems_are_reported_at_once(data_dir):
    swap(data_dir / "text", 0, 1)
    edit(data_dir / "utt2spk", "a-2 a\n", "")
    audio(data_dir, "wav", "b-1").unlink()
    soundfile.write(audio(data_dir, "spk1", "a-1"), np.zeros(8000), 16000)
    kinds = {kind for *_, kind in found(data_dir)}
    assert {"unsorted", "missing-id", "missing-audio", "all-zero", "speaker"} <= kinds


def test_message_says_where_what_and_what_to_do(data_dir):
    edit(data_dir / "text", "a-2 две", "a-2 ...")
    assert [str(problem) for problem in check_data_dir(data_dir)] == [
        f"{data_dir}/text:2: a-2: found text without words ('...'); expected at least "
        "one word; add the words, or remove the utterance"
    ]


def test_many_of_a_kind_are_counted(data_dir):
    with open(data_dir / "text", "a") as stream:
        for number in range(30):
            stream.write(f"z-{number:02d} word\n")
    problems = check_data_dir(data_dir)
    lines = list(in_groups(problems, 20))
    assert len(lines) == 21
    assert lines[-1] == f"{data_dir}/text: extra-id: 10 more like these, not shown"
    assert len(list(in_groups(problems, 0))) == 30
