from __future__ import annotations

import json
import re

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.report.breakdown import SNR, read_groups
from espnet2_ext.report.cells import NBSP, Cell, Table
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison, compare_set
from espnet2_ext.report.document import table_to_markdown
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.tables import breakdown_table, difference_table, main_table
from espnet2_ext.report.verdict import verdicts
from tests.report.conftest import Corpus

BASELINE = "SE-SNR"


def read(corpus: Corpus) -> Comparison:
    systems = corpus.systems
    scored = read_scored_set(corpus.root / "dump", "test_en", systems)
    return compare_set(scored, systems, BASELINE)


def snr_table(corpus: Corpus) -> Table | None:
    found = read_groups(corpus.data, corpus.utts, SNR)
    return breakdown_table(read(corpus), *found) if found else None


def column_of(corpus: Corpus, key: str) -> Column:
    return next(c for c in read(corpus).columns if c.quantity.key == key)


def column(table: Table, start: str) -> dict[str, str]:
    (index,) = [i for i, text in enumerate(table.header) if text.startswith(start)]
    return {row[0].text: row[index].text.replace(NBSP, " ") for row in table.rows}


def header(table: Table, start: str) -> str:
    (text,) = [text for text in table.header if text.startswith(start)]
    return text.replace(NBSP, " ")


def test_rows_stand_in_order_and_values_are_means_over_seeds(corpus: Corpus) -> None:
    table = main_table(read(corpus))
    values = column(table, "SI-SNR")
    assert list(values) == ["clean", "noisy", "SE-SNR", "SE-SNR+SSL"]
    # Means over utterances 10.35 and 11.35: mean 10.85, sample deviation 0.707.
    assert values["SE-SNR"] == "10.85 ± 0.71"
    assert values["clean"] == "-"
    assert column(table, "WER PocketSphinx")["noisy"] == "45.0"


def test_header_tells_unit_direction_and_number_of_items(corpus: Corpus) -> None:
    table = main_table(read(corpus))
    assert header(table, "SI-SNR") == "SI-SNR (dB) ↑ [8 utt]"
    assert header(table, "WER PocketSphinx") == "WER PocketSphinx (%) ↓ [80 words]"


def test_recogniser_in_a_loss_is_marked_with_a_footnote(corpus: Corpus) -> None:
    corpus.config(corpus.exp("b", 1), "whisper_tiny_en")
    table = main_table(read(corpus))
    assert "†" in header(table, "WER Whisper")
    assert "†" not in header(table, "WER PocketSphinx")
    note = "its encoder is in the loss of SE-SNR+SSL: it judges the pipeline"
    assert any(note in n for n in table.notes)


def test_recogniser_outside_all_losses_is_not_marked(corpus: Corpus) -> None:
    corpus.config(corpus.exp("b", 0), "wavlm_base_plus")
    table = main_table(read(corpus))
    assert not any(set("†‡") & set(text) for text in (*table.header, *table.notes))


def test_supervised_encoder_is_called_what_it_is(corpus: Corpus) -> None:
    table = main_table(read(corpus))
    assert "§" in header(table, "SSL tiny")
    assert any("not self-supervised" in note for note in table.notes)


def test_distance_that_a_loss_minimises_is_marked(corpus: Corpus) -> None:
    corpus.config(corpus.exp("b", 0), "whisper_tiny_en")
    assert "‡§" in header(main_table(read(corpus)), "SSL tiny")


def test_values_left_out_are_counted_in_a_note(corpus: Corpus) -> None:
    path = corpus.exp("a", 0) / "enhanced_test_en" / "scoring" / "scores.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["SI_SNR"] = None
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    view = read(corpus)
    notes = main_table(view).notes
    assert any(n.startswith("SI-SNR: 1 values of 'SE-SNR'") for n in notes)
    runs = column_of(corpus, "SI_SNR").rows["SE-SNR"]
    assert [len(run.items) for run in runs] == [len(corpus.utts) - 1] * 2


def drop(corpus: Corpus, key: str, utts: list[str], *places: str) -> None:
    """Make ``key`` of some utterances None, in scoring directories."""
    for place in places:
        path = corpus.root / place / "scores.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            if line["utt"] in utts:
                line[key] = None
                line.setdefault("no_value", {})[key] = "crashed (SIGSEGV)"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))


A0, A1 = (f"exp/a_seed{seed}/enhanced_test_en/scoring" for seed in (0, 1))
B0, B1 = (f"exp/b_seed{seed}/enhanced_test_en/scoring" for seed in (0, 1))
NOISY = "dump/test_en/scoring"
CLEAN = "dump/test_en/scoring_clean"


@pytest.mark.parametrize("place", [NOISY, A0, B1])
def test_utterance_without_a_value_in_one_row_counts_in_none(
    corpus: Corpus, place: str
) -> None:
    drop(corpus, "SI_SNR", ["u7"], place)
    view = read(corpus)
    table = main_table(view)
    assert header(table, "SI-SNR") == "SI-SNR (dB) ↑ [7 of 8 utt]"
    # Utterances u0 to u6: 5.0 to 5.6 and 10.0 to 11.6, whose u7 was the best.
    values = column(table, "SI-SNR")
    assert values["noisy"] == "5.30"
    assert values["SE-SNR"] == "10.80 ± 0.71"
    assert values["clean"] == "-"
    (note,) = [n for n in table.notes if "do not exist" in n]
    assert "no row counts u7 (crashed (SIGSEGV))" in note
    assert header(table, "SSL tiny").endswith("[8 utt]")
    by_snr = snr_table(corpus)
    assert any("no row counts u7" in n for n in by_snr.notes)
    # u7 is at 10 dB, with u1, u3, u5: 5.1, 5.3, 5.5.
    assert by_snr.rows[5][2].text == "5.30"


def test_crash_of_a_recogniser_leaves_its_words_out_of_all_rows(
    corpus: Corpus,
) -> None:
    drop(corpus, "WER_pocketsphinx", ["u1", "u3", "u5", "u7"], B0)
    table = main_table(read(corpus))
    assert header(table, "WER PocketSphinx").endswith("[40 words, 4 of 8 utt]")
    # Without the utterances of one more error, 4 of 10 words are wrong.
    assert column(table, "WER PocketSphinx")["noisy"] == "40.0"
    assert column(table, "WER Whisper")["noisy"] == "45.0"


def test_differences_are_of_the_utterances_that_both_have(corpus: Corpus) -> None:
    drop(corpus, "WER_pocketsphinx", ["u1"], A0)
    drop(corpus, "WER_pocketsphinx", ["u2"], NOISY)
    column = column_of(corpus, "WER_pocketsphinx")
    found = column.difference("SE-SNR+SSL", "SE-SNR")
    assert found.count == 6


def test_row_without_any_value_takes_none_from_the_others(corpus: Corpus) -> None:
    drop(corpus, "SI_SNR", corpus.utts, B0, B1)
    table = main_table(read(corpus))
    assert column(table, "SI-SNR")["SE-SNR+SSL"] == "-"
    assert column(table, "SI-SNR")["noisy"] == "5.35"
    assert header(table, "SI-SNR").endswith("[8 utt]")


def test_column_without_any_value_shows_dashes(corpus: Corpus) -> None:
    places = NOISY, CLEAN, A0, A1, B0, B1
    drop(corpus, "SI_SNR", corpus.utts, *places)
    drop(corpus, "WER_pocketsphinx", corpus.utts, *places)
    view = read(corpus)
    table = main_table(view)
    for start in ("SI-SNR", "WER PocketSphinx"):
        assert set(column(table, start).values()) == {"-"}
        assert "0 of 8 utt" in header(table, start)
        differences = column(difference_table(view), start)
        assert set(differences.values()) <= {"-", ""}
    assert verdicts(view)


def test_table_by_snr_splits_the_utterances(corpus: Corpus) -> None:
    table = snr_table(corpus)
    assert table is not None
    assert [row[0].text for row in table.rows][::4] == ["5 dB [4 utt]", "10 dB [4 utt]"]
    # Even utterances are at 5 dB: 5.0, 5.2, 5.4, 5.6; errors 4 of 10 words.
    assert [cell.text for cell in table.rows[1][1:3]] == ["noisy", "5.30"]
    assert table.rows[1][3].text == "40.0"


def test_without_utt2snr_there_is_no_table_by_snr(corpus: Corpus) -> None:
    (corpus.data / "utt2snr").unlink()
    assert snr_table(corpus) is None


def test_differences_carry_interval_and_verdict(corpus: Corpus) -> None:
    table = difference_table(read(corpus))
    rows = column(table, "WER PocketSphinx")
    assert rows["SE-SNR+SSL − SE-SNR"] == "-20.0 [-20.0, -20.0] ✔"
    assert rows["SE-SNR − noisy"] == "-10.0 [-10.0, -10.0] ✔"
    assert column(table, "SI-SNR")["SE-SNR − noisy"] == ""
    assert column(table, "SI-SNR")["SE-SNR+SSL − SE-SNR"].startswith("+2.00")
    assert column(table, "SSL tiny")["SE-SNR+SSL − SE-SNR"] == (
        "0.0000 [0.0000, 0.0000] ≈"
    )


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        (1, "better"),
        (3, "no difference shown"),
        (6, "worse"),
    ],
)
def test_verdict_is_honest_in_every_direction(
    corpus: Corpus, errors: int, sentence: str
) -> None:
    corpus.config(corpus.exp("b", 0), "wavlm_base_plus")
    corpus.errors["b"] = errors
    corpus.scores()
    first, *others = verdicts(read(corpus))
    assert first.startswith(
        "test_en: The SSL loss (SE-SNR+SSL in place of SE-SNR): for the pipeline, no "
        f"judge; for transfer, content {sentence} ("
    )
    harm = r"Enhancement by SE-SNR\+SSL: .* for transfer, content worse"
    assert any(re.search(harm, line) for line in others) == (errors > 4)


def test_scores_of_other_utterances_are_refused(corpus: Corpus) -> None:
    path = corpus.exp("a", 1) / "enhanced_test_en" / "scoring" / "scores.jsonl"
    path.write_text(path.read_text().replace('"u3"', '"x3"'))
    with pytest.raises(UserError, match=r"different utterances: u3, x3"):
        read(corpus)


def test_row_without_scores_of_clean_shows_dashes(corpus: Corpus) -> None:
    (corpus.data / "scoring_clean" / "scores.jsonl").unlink()
    table = main_table(read(corpus))
    assert {cell.text for cell in table.rows[0][1:]} == {"-"}
    assert "Clean speech was not scored." in table.notes


def test_markdown_is_aligned_and_escapes_bars() -> None:
    table = Table("t", ("", "a|b"), ((Cell("x ↑"), Cell("1")),), ())
    lines = table_to_markdown(table).splitlines()
    assert lines == ["|     | a\\|b |", "|-----|------|", "| x ↑ | 1    |"]
