from __future__ import annotations

import yaml

from espnet2_ext.report.cells import NBSP
from espnet2_ext.report.gaps import gap_table
from espnet2_ext.report.tables import (
    difference_table,
    joint_table,
)
from tests.report.conftest import Corpus
from tests.report.downstream import ROWS, column, headers, read
from tests.report.test_tables import drop


def test_columns_tell_metric_unit_direction_and_items_in_order(full: Corpus) -> None:
    assert headers(joint_table(read(full))) == [
        "",
        "SI-SNR test_en (dB) ↑ [8 utt]",
        "SSL tiny test_en ↓ [8 utt]",
        "SID accuracy fbank (%) ↑ [8 utt]",
        "PR PER wavlm_base_plus (%) ↓ [50 phones]",
        "ASV EER wavlm_base_plus (%) ↓ [8 trials]",
        "WER PocketSphinx test_en (%) ↓ [80 words]",
        "capped WER Whisper tiny.en test_en (%) ↓ [80 words]",
        "WER Whisper tiny.en test_en (%) ↓ [80 words]",
        "insertions Whisper tiny.en test_en (%) ↓ [80 words]",
        "repeated Whisper tiny.en test_en (%) ↓ [8 utt]",
        "WER ASR char test_en (%) ↓ [80 words]",
        "CER ASR char test_en (%) ↓ [320 chars]",
    ]


def test_utterances_that_a_row_has_no_value_for_are_counted_and_named(
    full: Corpus,
) -> None:
    drop(full, "SI_SNR", ["u0"], "dump/test_en/scoring")
    drop(full, "WER_pocketsphinx", ["u0"], "dump/test_en/scoring")
    table = joint_table(read(full))
    assert "SI-SNR test_en (dB) ↑ [7 of 8 utt]" in headers(table)
    name = "WER PocketSphinx test_en (%) ↓ [70 words, 7 of 8 utt]"
    assert name in headers(table)
    for label in ("SI-SNR", "WER PocketSphinx"):
        (note,) = [n for n in table.notes if n.startswith(f"{label} test_en: 1 val")]
        assert "no row counts u0 (crashed (SIGSEGV))" in note
    assert any("[7 of 8 utt]" in text for text in headers(gap_table(read(full))))


def test_rows_stand_in_order_and_worse_cells_are_marked(full: Corpus) -> None:
    table = joint_table(read(full))
    assert [row[0].text for row in table.rows] == ROWS
    # 5/8 and 3/8: mean 50.0, sample deviation 17.7.
    assert list(column(table, "SID").values()) == [
        *("100.0", "50.0", "37.5 ▼", "50.0 ± 17.7", "75.0 ± 0.0")
    ]
    # 2 * PR of 50 phones.
    assert list(column(table, "PR").values()) == [
        *("0.0", "24.0", "32.0 ▼", "24.0 ± 5.7", "12.0 ± 0.0")
    ]
    assert list(column(table, "ASV").values()) == [
        *("0.0", "50.0", "25.0", "25.0 ± 0.0", "50.0 ± 0.0 ▽")
    ]
    assert list(column(table, "WER ASR char").values()) == [
        *("0.0", "40.0", "50.0 ▼", "60.0 ± 0.0 ▼", "30.0 ± 0.0")
    ]
    assert column(table, "CER ASR char")["SE-SNR+SSL"] == "22.5 ± 0.0 ▽"
    marked = [cell for row in table.rows for cell in row if cell.verdict == "worse"]
    assert all(set(cell.text) & {"▼", "▽"} for cell in marked)


def test_what_got_worse_is_listed_with_its_interval(full: Corpus) -> None:
    notes = [note.replace(NBSP, " ") for note in joint_table(read(full)).notes]
    (than_baseline,) = [n for n in notes if n.startswith("Worse: SE-SNR+SSL than SE")]
    assert "in 2 of 12 columns" in than_baseline
    assert "ASV EER wavlm_base_plus +25.0 ≈;" in than_baseline  # 8 trials: no interval
    assert "CER ASR char test_en +2.5 [+2.5, +2.5] ✘" in than_baseline
    (than_noisy,) = [n for n in notes if n.startswith("Worse: RNNoise than noisy")]
    assert "SID accuracy fbank -12.5" in than_noisy
    assert "ASV" not in than_noisy
    assert not any("RNNoise than SE-SNR" in note for note in notes)
    assert "SE-SNR+SSL is in no column worse than noisy (12)." in notes


def test_gap_closed_is_relative_to_clean_and_noisy(full: Corpus) -> None:
    table = gap_table(read(full))
    assert [row[0].text for row in table.rows] == ROWS[2:]
    assert list(column(table, "SID").values()) == ["-25.0", "0.0", "50.0"]
    assert list(column(table, "PR").values()) == ["-33.3", "0.0", "50.0"]
    assert list(column(table, "ASV").values()) == ["50.0", "50.0", "0.0"]
    # Clean has no SI-SNR, and the SSL distance of clean is that of noisy here.
    assert set(column(table, "SI-SNR").values()) == {"-"}
    assert set(column(table, "SSL tiny").values()) == {"-"}
    # ASV of 8 trials and PR of 3 utterances are not shown to tell clean from noisy.
    assert headers(table)[-2:] == [
        "transfer content (%) ↑ [3 judges]",
        "transfer speaker (%) ↑ [1 judges]",
    ]
    assert list(column(table, "transfer speaker").values()) == ["-25.0", "0.0", "50.0"]
    # of 40 + 40 + 40 points: -10 -10 -10, 10 + 10 - 20, 30 + 30 + 10
    found = list(column(table, "transfer content").values())
    assert found == ["-25.0", "0.0", "58.3"]
    assert all(text.count("(%)") == 1 for text in table.header[1:])


def test_differences_compare_every_column(full: Corpus) -> None:
    table = difference_table(read(full))
    rows = column(table, "SID")
    assert list(rows) == [
        "SE-SNR+SSL − SE-SNR",
        *(f"{name} − noisy" for name in ROWS[2:]),
    ]
    assert rows["SE-SNR+SSL − SE-SNR"].startswith("+25.0 [")
    per = column(table, "PR")["SE-SNR+SSL − SE-SNR"]
    # Utterances (10, 10, 30 phones) with 3 errors fewer of 6 in the first two only:
    # at best only these are drawn (-30), at worst only the third (0); with the first
    # seed of SE-SNR alone 2 errors fewer, with the second 4: -20 and -40.
    assert per == "-12.0 [-40.0, 0.0] ≈"
    assert column(table, "SI-SNR")["SE-SNR+SSL − SE-SNR"] == "+2.00 [+2.00, +2.00] ✔"
    notes = " ".join(table.notes)
    assert "9999 draws, 1999 for ASV EER wavlm_base_plus" in notes
    assert "ASV EER wavlm_base_plus: trials that share a recording" in notes


def test_probe_of_an_upstream_in_a_loss_judges_the_pipeline(full: Corpus) -> None:
    full.config(full.exp("b", 1), "wavlm_base_plus")
    joint = read(full)
    table = joint_table(joint)
    marked = [text.split("†")[0] for text in table.header if "†" in text]
    assert marked == ["PR PER wavlm_base_plus", "ASV EER wavlm_base_plus"]
    assert (
        "† PR PER wavlm_base_plus: its upstream is in the loss of SE-SNR+SSL: it "
        "judges the pipeline, not transfer."
    ) in table.notes


def test_recogniser_that_reads_an_upstream_in_a_loss_is_marked(full: Corpus) -> None:
    full.config(full.exp("b", 0), "whisper_tiny_en")
    config = {"frontend_conf": {"frontend_conf": {"upstream": "whisper_tiny_en"}}}
    path = full.root / "out" / "asr_char" / "config.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"frontend": "s3prl", **config}))
    table = joint_table(read(full))
    signs = {
        sign: [h.split(sign)[0] for h in table.header if sign in h] for sign in "†‡"
    }
    assert signs == {
        "†": [
            "capped WER Whisper tiny.en test_en",
            "WER Whisper tiny.en test_en",
            "insertions Whisper tiny.en test_en",
            "repeated Whisper tiny.en test_en",
            "WER ASR char test_en",
            "CER ASR char test_en",
        ],
        "‡": ["SSL tiny test_en"],
    }
