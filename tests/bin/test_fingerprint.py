"""Fingerprints change when, and only when, a stage's inputs change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from espnet2_ext.bin.fingerprint import main
from espnet2_ext.errors import UserError


@pytest.fixture
def scp(tmp_path: Path) -> Path:
    """Write an scp of three files."""
    lines = []
    for name in "abc":
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 10)
        lines.append(f"{name} {tmp_path}/{name}.wav\n")
    (tmp_path / "wav.scp").write_text("".join(lines))
    return tmp_path / "wav.scp"


def fingerprint(capsys, *words: object) -> str:
    main([str(word) for word in words])
    return capsys.readouterr().out


def test_text_files_count_by_content_and_options_as_they_are(tmp_path, capsys):
    config = tmp_path / "a.yaml"
    config.write_text("x: 1\n")
    first = fingerprint(capsys, "--input", config, "--option", "fs 16k")
    assert first.splitlines()[0] == "option fs 16k"
    os.utime(config, ns=(1, 1))
    assert fingerprint(capsys, "--input", config, "--option", "fs 16k") == first
    config.write_text("x: 2\n")
    second = fingerprint(capsys, "--input", config, "--option", "fs 16k")
    assert second.splitlines()[1] != first.splitlines()[1]


def test_rewritten_audio_changes_audio_but_not_sample(scp, capsys):
    audio, sample = ("--audio", scp), ("--sample", scp)
    before = fingerprint(capsys, *audio), fingerprint(capsys, *sample)
    assert (fingerprint(capsys, *audio), fingerprint(capsys, *sample)) == before
    os.utime(scp.parent / "b.wav", ns=(1, 1))
    assert fingerprint(capsys, *audio) != before[0]
    assert fingerprint(capsys, *sample) == before[1]


def test_other_audio_of_equal_size_changes_sample(scp, capsys):
    before = fingerprint(capsys, "--sample", scp)
    (scp.parent / "b.wav").write_bytes(b"x" * 10)
    assert fingerprint(capsys, "--sample", scp) != before


def test_archive_entries_are_read_at_their_offset(tmp_path, capsys):
    (tmp_path / "d.ark").write_bytes(b"u 1111v 2222")
    scp = tmp_path / "wav.scp"
    scp.write_text(f"v {tmp_path}/d.ark:8\n")
    before = fingerprint(capsys, "--sample", scp)
    (tmp_path / "d.ark").write_bytes(b"u 3333v 2222")  # not this entry
    assert fingerprint(capsys, "--sample", scp) == before
    (tmp_path / "d.ark").write_bytes(b"u 1111v 4444")
    assert fingerprint(capsys, "--sample", scp) != before


def test_missing_files_are_named_with_their_line(scp):
    (scp.parent / "b.wav").unlink()
    with pytest.raises(UserError, match=r"wav.scp:2: 'b'"):
        main(["--audio", str(scp)])
    with pytest.raises(UserError, match=r"absent.yaml"):
        main(["--input", "absent.yaml"])


def test_data_directory_counts_with_all_its_lists(scp, capsys):
    folder = scp.parent
    (folder / "text").write_text("a hello\n")
    (folder / ".hidden").write_text("x")
    lines = fingerprint(capsys, "--data_dir", folder).splitlines()
    named = [line.split(" ", 1)[1] for line in lines]
    assert f"{folder}/text" in named
    assert f"{folder}/wav.scp with audio" in named
    assert not any(".hidden" in line for line in lines)
    (folder / "text").write_text("a goodbye\n")
    assert fingerprint(capsys, "--data_dir", folder).splitlines() != lines


def test_missing_data_directory_is_named(tmp_path):
    with pytest.raises(UserError, match=r"found no .*nowhere; .*run stage 1"):
        main(["--data_dir", str(tmp_path / "nowhere")])
