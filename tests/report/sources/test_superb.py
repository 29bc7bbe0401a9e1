from __future__ import annotations

import json

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.report.gaps import gap_table
from espnet2_ext.report.tables import difference_table, joint_table
from tests.report.conftest import Corpus
from tests.report.downstream import (
    CONDITIONS,
    column,
    headers,
    read,
    slots,
    transcribed,
    write_evaluation,
)


def test_items_are_paired_by_id_and_not_by_line(full: Corpus) -> None:
    expected = difference_table(read(full)).rows
    path = full.root / "exp/superb/fbank/sid/evaluate/noisy/predictions.jsonl"
    path.write_text("".join(reversed(path.read_text().splitlines(True))))
    assert difference_table(read(full)).rows == expected


def test_missing_pieces_leave_a_dash_and_a_note(full: Corpus) -> None:
    sid = full.root / "exp" / "superb" / "fbank" / "sid" / "evaluate"
    (sid / "rnnoise" / "result.json").unlink()
    (sid / "a_seed1" / "result.json").unlink()
    joint = read(full)
    table = joint_table(joint)
    assert list(column(table, "SID").values()) == [
        *("100.0", "50.0", "-", "-", "75.0 ± 0.0")
    ]
    note = "SID accuracy fbank: 'SE-SNR' has 1 of 2 seeds; left out."
    assert note in table.notes
    assert column(difference_table(joint), "SID")["SE-SNR+SSL − SE-SNR"] == "-"
    assert column(gap_table(joint), "SID")["SE-SNR"] == "-"


def test_tasks_can_be_chosen(full: Corpus) -> None:
    table = joint_table(read(full, "--superb_tasks", "asv"))
    assert [text for text in table.header if "PER" in text or "SID" in text] == []
    with pytest.raises(UserError, match=r"Unknown evaluated task 'aswv'.*'asv'\?"):
        read(full, "--superb_tasks", "aswv")


def test_f1_and_characters_of_a_task(full: Corpus) -> None:
    superb = full.root / "exp" / "superb" / "fbank"
    for number, name in enumerate(CONDITIONS):
        # F1 of the three utterances: 1, 2/3 (or 0), and 1 for nothing to find.
        found = [(2, 0, 0), (1, 1, 0) if number else (0, 1, 1), (0, 0, 0)]
        value = 100 * (1 + (2 / 3 if number else 0) + 1) / 3
        write_evaluation(superb, "sf", name, value, slots(found))
        lines = transcribed([1, 1], [2, 2])
        for line in lines:
            line["chars"] = {"sub": 1, "del": 1, "ins": number, "words": 8}
        write_evaluation(superb, "asr", name, 50, lines)
    table = joint_table(read(full))
    assert column(table, "SF F1 fbank")["noisy"] == "88.9"
    assert column(table, "SF F1 fbank")["clean"] == "66.7"
    assert column(table, "ASR WER fbank")["noisy"] == "50.0"
    assert column(table, "ASR CER fbank")["RNNoise"] == "50.0 ▼"
    (title,) = [text for text in headers(table) if text.startswith("ASR CER")]
    assert title == "ASR CER fbank (%) ↓ [16 chars]"


def test_result_that_its_predictions_do_not_give_is_refused(full: Corpus) -> None:
    path = full.root / "exp/superb/fbank/sid/evaluate/noisy/result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "value": 51.0}))
    with pytest.raises(UserError, match=r"says 51.000, its .* gives 50.000"):
        read(full)


def test_other_items_than_clean_are_refused(full: Corpus) -> None:
    path = full.root / "exp/superb/fbank/sid/evaluate/b_seed0/predictions.jsonl"
    path.write_text(path.read_text().replace('"k3"', '"x3"'))
    with pytest.raises(UserError, match=r"different items: k3, x3"):
        read(full)
    path = full.exp("b", 0) / "enhanced_test_en/asr_char/scores.jsonl"
    path.write_text(path.read_text().replace('"u3"', '"x3"'))
    with pytest.raises(UserError, match=r"different utterances: u3, x3"):
        read(full, "--superb_tasks", "asv")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("result.json", "{", "result.json: broken"),
        ("predictions.jsonl", "", "predictions.jsonl: empty"),
        ("predictions.jsonl", '{"id": "k0"}\n[', "jsonl:2: not a JSON object"),
        ("predictions.jsonl", '{"id": "k0"}\n{"id": "k0"}', "jsonl:2: duplicate"),
    ],
)
def test_broken_files_are_named(
    full: Corpus, name: str, text: str, message: str
) -> None:
    (full.root / "exp/superb/fbank/sid/evaluate/clean" / name).write_text(text)
    with pytest.raises(UserError, match=message):
        read(full)


def test_line_without_its_counts_is_named(full: Corpus) -> None:
    path = full.root / "exp/superb/fbank/sid/evaluate/clean/predictions.jsonl"
    path.write_text(path.read_text().replace('"correct"', '"right"', 1))
    with pytest.raises(UserError, match=r"'k0': broken .*correct"):
        read(full)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--asr_tag", "bpe"], r"--asr_tag bpe: no scores.jsonl in .*asr_bpe_clean"),
        (["--asr_tag", "char char"], "found 'char' twice"),
        (["--superb_dir", "/no/such"], "no evaluated tasks; run stages 13 and 14"),
    ],
)
def test_what_is_not_there_is_named(
    full: Corpus, more: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        read(full, *more)
