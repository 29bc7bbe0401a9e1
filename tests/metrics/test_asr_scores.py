from __future__ import annotations

import json
from pathlib import Path

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.asr_scores import read_asr_scores, read_texts, score_texts
from espnet2_ext.metrics.result import ErrorCount

REF = {"a-1": "раз два три", "a-2": "пять", "b-1": "восемь девять"}
HYP = {"a-1": "раз дна три четыре", "a-2": "", "b-1": "восемь девять"}


def write(path: Path, table: dict[str, str]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{k} {v}\n" for k, v in table.items()), encoding="utf-8")
    return str(path)


def score(
    tmp_path: Path, ref: dict = REF, hyp: dict = HYP, cleaner: str = "none"
) -> Path:
    speakers = {key: key.split("-")[0] for key in ref}
    texts = read_texts(
        write(tmp_path / "text", ref),
        write(tmp_path / "hyp", hyp),
        write(tmp_path / "utt2spk", speakers),
        cleaner,
    )
    score_texts(texts, tmp_path / "out")
    return tmp_path / "out"


def cells(result: str, name: str, occurrence: int = 0) -> str:
    lines = [x for x in result.splitlines() if x.startswith(f"| {name}")]
    return " ".join(lines[occurrence].replace("|", " ").split()[1:])


def test_words_are_pooled_and_listed_by_speaker(tmp_path: Path) -> None:
    result = (score(tmp_path) / "score_wer/result.txt").read_text(encoding="utf-8")
    # a: 4 words, 2 correct, 1 substituted, 1 deleted, 1 inserted; both sentences wrong
    assert cells(result, "a ") == "2 4 50.0 25.0 25.0 25.0 75.0 100.0"
    assert cells(result, "b ") == "1 2 100.0 0.0 0.0 0.0 0.0 0.0"
    assert cells(result, "Sum/Avg") == "3 6 66.7 16.7 16.7 16.7 50.0 66.7"
    assert cells(result, "a ", 1) == "2 4 2 1 1 1 3 2"
    # what ESPnet's show_asr_result.sh greps for must be in one line only
    assert result.count("Avg") == 1


def test_alignments_stand_below_each_other(tmp_path: Path) -> None:
    result = (score(tmp_path) / "score_wer/result.txt").read_text(encoding="utf-8")
    block = result[result.index("id: (a-a-1)") :].splitlines()[:5]
    assert block == [
        "id: (a-a-1)",
        "Scores: (#C #S #D #I) 2 1 0 1",
        "REF:  раз два три ******",
        "HYP:  раз дна три четыре",
        "Eval:     S       I",
    ]


def test_characters_include_the_space_and_trn_is_espnets(tmp_path: Path) -> None:
    out = score(tmp_path)
    reference = (out / "score_cer/ref.trn").read_text(encoding="utf-8").splitlines()
    assert reference[0] == "р а з <space> д в а <space> т р и\t(a-a-1)"
    words = (out / "score_wer/hyp.trn").read_text(encoding="utf-8").splitlines()
    assert words[1] == "\t(a-a-2)"
    lines = (out / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["id"] == "a-1"
    assert first["wer"] == {
        **{"sub": 1, "del": 0, "ins": 1, "words": 3, "hyp": "раз дна три четыре"}
    }
    assert {k: first["cer"][k] for k in ("sub", "ins", "words")} == {
        **{"sub": 1, "ins": 7, "words": 11}
    }
    assert len(lines) == 3


def test_order_of_the_files_does_not_matter(tmp_path: Path) -> None:
    one = score(tmp_path / "x") / "scores.jsonl"
    turned = dict(reversed(HYP.items()))
    other = score(tmp_path / "y", REF, turned) / "scores.jsonl"
    assert one.read_text() == other.read_text()


def test_all_bad_ids_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    ref = {**REF, "c-1": "", "c-2": "слово"}
    hyp = {**HYP, "c-1": "x", "d-1": "y"}
    with pytest.raises(UserError) as found:
        score(tmp_path, ref, hyp)
    message = str(found.value)
    assert "hyp lacks 1 utterances: c-2" in message
    assert "text lacks 1 utterances: d-1" in message
    assert "text has no words for 1 utterances: c-1" in message
    assert not (tmp_path / "out").exists()


def test_duplicate_id_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "hyp"
    path.write_text("a x\na y\n")
    with pytest.raises(UserError, match=r"hyp:2: duplicate id 'a'"):
        read_texts(str(path), str(path))


def test_cleaner_changes_the_reference_and_an_unknown_one_is_refused(
    tmp_path: Path,
) -> None:
    text = {"a-1": "mr. smith"}
    out = score(tmp_path, text, {"a-1": "MISTER SMITH"}, "tacotron")
    assert json.loads((out / "scores.jsonl").read_text())["wer"]["sub"] == 0
    with pytest.raises(UserError, match="nosuch"):
        score(tmp_path, text, text, "nosuch")


def test_scores_are_read_as_they_were_written(tmp_path: Path) -> None:
    scores = read_asr_scores(score(tmp_path) / "scores.jsonl")
    assert list(scores) == ["a-1", "a-2", "b-1"]
    assert scores["a-1"]["wer"] == ErrorCount(1, 0, 1, 3)
    assert scores["b-1"]["cer"] == ErrorCount(words=13)


def test_scores_that_cannot_be_read_are_named_with_file_and_line(
    tmp_path: Path,
) -> None:
    path = tmp_path / "scores.jsonl"
    with pytest.raises(UserError, match=r"scores\.jsonl: no such file; score it first"):
        read_asr_scores(path)
    path.write_text("")
    with pytest.raises(UserError, match=r"scores\.jsonl: empty"):
        read_asr_scores(path)
    path.write_text('{"id": "a-1", "wer": {"sub": 0}}\n')
    with pytest.raises(UserError, match=r"scores\.jsonl:1: not a line of"):
        read_asr_scores(path)
