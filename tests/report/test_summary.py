from __future__ import annotations

from espnet2_ext.bin.report import main
from espnet2_ext.report.comparison import Comparison, compare_set
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.summary import summary_table
from espnet2_ext.report.verdict import headlines
from tests.report.conftest import Corpus
from tests.report.downstream import column, headers, options, read


def one_set(corpus: Corpus) -> Comparison:
    systems = read(corpus).systems
    scored = read_scored_set(corpus.root / "dump", "test_en", systems)
    return compare_set(scored, systems, "SE-SNR")


def test_results_begin_with_a_page_that_fits_on_a_screen(full: Corpus) -> None:
    main(options(full))
    text = (full.root / "out/RESULTS.md").read_text()
    page = text[: text.index("## Joint table")]
    assert "## Summary" in page
    assert len(page.splitlines()) <= 50
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert max(map(len, tables)) <= 200


def test_summary_has_main_columns_and_signs_against_noisy(full: Corpus) -> None:
    table = summary_table([one_set(full)], read(full))
    assert headers(table) == [
        "",
        "SI-SNR (dB) ↑",
        "WER PocketSphinx (%) ↓",
        "capped WER Whisper tiny.en (%) ↓",
        "WER ASR char (%) ↓",
        "transfer content (%) ↑",
        "transfer speaker (%) ↑",
    ]
    assert column(table, "WER PocketSphinx") == {
        "clean": "5.0",
        "noisy": "45.0",
        "RNNoise": "55.0 ✘",
        "SE-SNR": "35.0 ± 0.0 ✔",
        "SE-SNR+SSL": "15.0 ± 0.0 ✔",
    }


def test_judge_that_listens_through_a_loss_is_apart_from_the_others(
    full: Corpus,
) -> None:
    full.config(full.exp("b", 0), "whisper_tiny_en")
    table = summary_table([one_set(full)], read(full))
    assert "capped WER Whisper tiny.en† (%) ↓" in headers(table)
    # of 40 points 30 given back
    assert column(table, "pipeline content")["SE-SNR+SSL"] == "75.0"


def test_summary_says_who_helps(full: Corpus) -> None:
    assert headlines(read(full)) == [
        "Another system (SE-SNR+SSL in place of SE-SNR): for transfer, content better, "
        "speaker no difference shown.",
        "Enhancement by RNNoise: for transfer, content worse, speaker no difference "
        "shown.",
        "Enhancement by SE-SNR: for transfer, content no difference shown, speaker no "
        "difference shown.",
        "Enhancement by SE-SNR+SSL: for transfer, content better, speaker no "
        "difference shown.",
    ]
