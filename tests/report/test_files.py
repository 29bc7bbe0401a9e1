from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from espnet2_ext.bin.report import main
from espnet2_ext.errors import UserError
from espnet2_ext.report.cells import NBSP, Cell, Table
from espnet2_ext.report.document import split_table
from tests.report.conftest import Corpus
from tests.report.downstream import options


def test_denoiser_cannot_be_the_baseline(full: Corpus) -> None:
    with pytest.raises(UserError, match="Unknown baseline 'RNNoise'"):
        main([*options(full), "--baseline", "RNNoise"])


def test_joint_table_comes_first_in_all_files(
    full: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    main(options(full))
    text = (full.root / "out" / "RESULTS.md").read_text()
    assert re.findall(r"^### (.*)$", text, re.MULTILINE) == [
        "Summary",
        "Claims, and their price",
        "Joint table",
        "Joint table: relative gap closed",
        "Joint table: differences",
        "test_en: all utterances",
        "test_en: by input SNR",
        "test_en: differences",
    ]
    page = (full.root / "out" / "report.html").read_text()
    assert page.index("<h2>Joint table</h2>") < page.index("<h2>test_en</h2>")
    assert f'<td class="worse">37.5{NBSP}▼</td>' in page
    printed = capsys.readouterr().out
    order = (
        "\nJoint table\n",
        "test_en: all utterances",
        "\nSummary\n",
        "Enhancement by",
    )
    places = [f"\n{printed}".index(text) for text in order]
    assert places == sorted(places)  # what a reader sees last is the conclusion
    table_lines = [line for line in printed.splitlines() if line.startswith("|")]
    assert max(map(len, table_lines)) <= 200
    # The denoiser is a row of the other tables, and is not compared with a system.
    assert "| RNNoise − noisy" in text
    assert "RNNoise − SE-SNR" not in text


def test_without_downstream_results_there_is_no_joint_table(corpus: Corpus) -> None:
    main([*corpus.arguments, "--num_examples", "0"])
    assert "Joint" not in (corpus.root / "out" / "RESULTS.md").read_text()


def test_the_validation_set_is_shown_last_without_a_conclusion(
    corpus: Corpus,
) -> None:
    test, valid = corpus.root / "dump/test_en", corpus.root / "dump/valid"
    shutil.copytree(test, valid)
    for row in corpus.rows():
        exp = Path(row.exp)
        shutil.copytree(exp / "enhanced_test_en", exp / "enhanced_valid")
    words = [*corpus.arguments, "--num_examples", "0"]
    main(words)
    without = (corpus.root / "out/RESULTS.md").read_text()
    main([*words, "--valid_set", "valid"])
    text = (corpus.root / "out/RESULTS.md").read_text()
    said, validation = text.split("## valid (validation)")
    after_the_command = [t.split("## Summary")[1].rstrip() for t in (said, without)]
    assert after_the_command[0] == after_the_command[1]
    assert "### valid: all utterances" in validation
    assert "**" not in validation
    assert {r["test_set"] for r in records(corpus)} == {"test_en", "valid"}


def records(corpus: Corpus) -> list[dict]:
    lines = (corpus.root / "out" / "results.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_results_for_programs(full: Corpus) -> None:
    main(options(full))
    found = records(full)
    (sid,) = [
        r
        for r in found
        if r.get("task") == "sid" and r["seed"] == 1 and r["system"] == "SE-SNR"
    ]
    assert sid.pop("command").startswith("python -m espnet2_ext.bin.report --dumpdir")
    folder = full.root / "exp/superb/fbank/sid/evaluate/a_seed1"
    assert sid == {
        "task": "sid",
        "upstream": "fbank",
        "system": "SE-SNR",
        "seed": 1,
        "exp_dir": str(full.exp("a", 1)),
        "metric": "accuracy",
        "value": 37.5,
        "unit": "%",
        "higher_is_better": True,
        "items": 8,
        "item": "utt",
        "role": "judge",
        "circular": False,
        "source": str(folder / "result.json"),
    }
    names = ("test_set", "task", "upstream", "system", "exp_dir", "metric")
    keys = [tuple(record.get(name) for name in names) for record in found]
    assert len(set(keys)) == len(keys)
    # 7 conditions in 12 columns; clean has no SI-SNR.
    assert len(found) == 7 * 12 - 1
    assert all(Path(r["source"]).is_file() for r in found)
    snr = [r["value"] for r in found if r["metric"] == "SI_SNR"]
    assert snr == pytest.approx([5.35, 7.35, 10.35, 11.35, 12.35, 13.35])
    (noisy,) = [
        r for r in found if r["metric"] == "CER_asr_char" and r["system"] == "noisy"
    ]
    assert (noisy["value"], noisy["seed"], noisy["test_set"]) == (25, None, "test_en")


def test_results_for_programs_need_no_downstream(corpus: Corpus) -> None:
    main([*corpus.arguments, "--num_examples", "0"])
    assert {r["metric"] for r in records(corpus)} == {
        *("SI_SNR", "SSL_tiny", "WER_pocketsphinx", "WER_whisper_tiny_en"),
        *("CAPPED_WER_whisper_tiny_en", "INS_whisper_tiny_en"),
        "REPEATED_whisper_tiny_en",
    }


def test_wide_tables_are_split_with_the_names_repeated() -> None:
    row = tuple(Cell(text) for text in ("name", "1", "2", "3"))
    table = Table("t", ("", "one", "two", "three"), (row,), ())
    parts = split_table(table, 7 + 6 + 6)
    assert [part.header for part in parts] == [("", "one", "two"), ("", "three")]
    assert [cell.text for cell in parts[1].rows[0]] == ["name", "3"]
    assert split_table(table, 1000) == [table]
