import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import (
    atomic_write,
    read_scp,
    utt2spk_to_spk2utt,
    write_scp,
)


def test_written_table_is_sorted_bytewise_and_read_back(tmp_path):
    path = tmp_path / "deep/wav.scp"
    write_scp(path, {"b": "1 x", "B": 2, "a-1": "3", "a": "ä"})
    assert path.read_text() == "B 2\na ä\na-1 3\nb 1 x\n"
    assert read_scp(path) == {"B": "2", "a": "ä", "a-1": "3", "b": "1 x"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\na 2\n", r"x\.scp:2: duplicate id 'a'"),
        (b"a 1\nb\n", r"x\.scp:2: 'b' has no value"),
        (b"a 1\n\nb 2\n", r"x\.scp:2: empty line"),
        (b"a \xff\xfe\n", "not UTF-8"),
    ],
)
def test_bad_line_is_named_with_file_and_line(tmp_path, content, message):
    path = tmp_path / "x.scp"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_scp(path)


def test_missing_file_says_what_is_expected(tmp_path):
    with pytest.raises(UserError, match="expected lines of 'ID VALUE'"):
        read_scp(tmp_path / "no.scp")


def test_failed_writer_leaves_the_old_file_and_no_rest(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")

    def fail():
        with atomic_write(path) as stream:
            stream.write("half")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "x"
    with atomic_write(path) as stream:
        stream.write("all")
        assert not path.exists()
    assert path.read_text() == "all"


def test_spk2utt_lists_each_speakers_utterances_in_order():
    assert utt2spk_to_spk2utt({"b-2": "b", "a-1": "a", "b-1": "b"}) == {
        "a": "a-1",
        "b": "b-1 b-2",
    }
