"""Each kind of bad list is found, with its file, line and utterance."""

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp
from tests.data.checking import edit, found, swap


@pytest.mark.parametrize(
    "name", ["spk1.scp", "noise1.scp", "utt2spk", "text", "utt2snr"]
)
def test_missing_id(data_dir, name):
    lines = (data_dir / name).read_text().splitlines(keepends=True)
    (data_dir / name).write_text("".join(lines[:1] + lines[2:]))
    assert (name, 0, "a-2", "missing-id") in found(data_dir)


@pytest.mark.parametrize(
    "name", ["spk1.scp", "noise1.scp", "utt2spk", "text", "utt2snr"]
)
def test_extra_id(data_dir, name):
    with open(data_dir / name, "a") as stream:
        stream.write(f"c-9 {'5' if name == 'utt2snr' else 'x'}\n")
    assert (name, 4, "c-9", "extra-id") in found(data_dir)


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "text", "utt2spk", "spk2utt"])
def test_unsorted_ids(data_dir, name):
    swap(data_dir / name, 0, 1)
    first = "a" if name == "spk2utt" else "a-1"
    assert (name, 2, first, "unsorted") in found(data_dir)


def test_order_is_bytewise_not_that_of_a_language(data_dir):
    for path in data_dir.glob("*"):
        if path.is_file():
            path.write_text(path.read_text().replace("a-1", "B-1").replace("a ", "B "))
    assert not any(kind == "unsorted" for *_, kind in found(data_dir))


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "text", "utt2spk"])
def test_duplicate_id(data_dir, name):
    text = (data_dir / name).read_text()
    (data_dir / name).write_text(text + text.splitlines()[0] + "\n")
    assert (name, 4, "a-1", "duplicate-id") in found(data_dir)


def test_bad_lines_are_reported_and_the_others_still_checked(data_dir):
    lines = (data_dir / "text").read_bytes().splitlines()
    lines[0] = b"a-1 caf\xe9"
    lines[1] = b""
    lines[2] = b"b-1\tthree"
    (data_dir / "text").write_bytes(b"\n".join(lines) + b"\n")
    edit(data_dir / "utt2spk", "a-2 a", "a-2")
    problems = found(data_dir)
    assert {
        ("text", 1, "-", "encoding"),
        ("text", 2, "-", "empty-line"),
        ("text", 3, "b-1", "tab"),
        ("utt2spk", 2, "a-2", "no-value"),
    } <= problems


def test_spk2utt_that_disagrees(data_dir):
    edit(data_dir / "spk2utt", "a a-1 a-2", "a a-1")
    edit(data_dir / "spk2utt", "b b-1", "b b-1 a-9 a-2")
    assert found(data_dir) == {
        ("spk2utt", 2, "a-2", "speaker"),
        ("spk2utt", 2, "a-9", "speaker"),
        ("utt2spk", 2, "a-2", "speaker"),
    }


@pytest.mark.parametrize("text", ["", "...", "- !"])
def test_text_without_words(data_dir, text):
    edit(data_dir / "text", "a-2 две", f"a-2 {text}")
    assert found(data_dir) == {("text", 2, "a-2", "no-words")}


def test_snr_that_is_no_number(data_dir):
    edit(data_dir / "utt2snr", "a-2 0", "a-2 5dB")
    assert found(data_dir) == {("utt2snr", 2, "a-2", "snr")}


@pytest.mark.parametrize("name", ["wav.scp", "spk1.scp", "utt2spk", "text"])
def test_byte_order_mark_is_named_and_no_other_fault_is_seen_in_it(data_dir, name):
    content = (data_dir / name).read_bytes()
    (data_dir / name).write_bytes(b"\xef\xbb\xbf" + content)
    assert found(data_dir) == {(name, 1, "-", "byte-order-mark")}
    with pytest.raises(UserError, match=f"{name}:1: found a byte-order mark"):
        read_scp(data_dir / name)


def test_windows_line_ends_are_read_as_they_are_meant(data_dir):
    for name in ("wav.scp", "utt2spk", "spk2utt", "text"):
        content = (data_dir / name).read_bytes()
        (data_dir / name).write_bytes(content.replace(b"\n", b"\r\n"))
    assert found(data_dir) == set()
