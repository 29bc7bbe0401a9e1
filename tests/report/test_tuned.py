"""Observation adding with the weight that is best on validation, judge by judge."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from espnet2_ext.bin.report import main
from espnet2_ext.report.comparison import Comparison, compare_all, compare_set
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.tuned import tune, tuned_table
from tests.report.conftest import Corpus
from tests.report.test_observation_adding import adding, with_oa  # noqa: F401

WER = "WER_pocketsphinx"


@pytest.fixture
def both(adding: Corpus) -> Corpus:  # noqa: F811
    """Validation set: adding helps a, and harms b; on the test set it helps both."""
    shutil.copytree(adding.root / "dump/test_en", adding.root / "dump/valid")
    for seed in (0, 1):
        for name, change in (("a", -1), ("b", 1)):
            exp = adding.exp(name, seed)
            for folder in (exp, with_oa(exp)):
                shutil.copytree(folder / "enhanced_test_en", folder / "enhanced_valid")
            scoring = with_oa(exp) / "enhanced_valid/scoring"
            adding.write(scoring, adding.errors[name] + change, 11)
    return adding


def views(corpus: Corpus) -> tuple[Comparison, Comparison]:
    dump, systems = corpus.root / "dump", corpus.systems
    test, valid = (
        read_scored_set(dump, name, systems) for name in ("test_en", "valid")
    )
    whole = compare_all([test], [], systems, "SE-SNR")
    return whole, compare_set(valid, systems, "SE-SNR")


def test_weight_is_chosen_on_validation_and_not_on_the_test_set(both: Corpus) -> None:
    found = {t.column.quantity.key: t for t in tune(*views(both))}
    assert found[WER].weights == {"SE-SNR": "0.1", "SE-SNR+SSL": "0"}
    rows = found[WER].column.rows
    assert rows["SE-SNR+OA*"] == rows["SE-SNR+OA0.1"]
    assert rows["SE-SNR+SSL+OA*"] == rows["SE-SNR+SSL"]
    assert all(tuned.column.is_judge for tuned in found.values())


def test_table_compares_the_loss_with_the_best_of_observation_adding(
    both: Corpus,
) -> None:
    table = tuned_table(*views(both))
    assert table is not None
    assert [row[0].text for row in table.rows] == [
        "SE-SNR+OA*",
        "SE-SNR+SSL+OA*",
        "SE-SNR+OA* − SE-SNR",
        "SE-SNR+SSL − SE-SNR+OA*",
        "SE-SNR+SSL+OA* − SE-SNR+OA*",
    ]
    number = next(i for i, name in enumerate(table.header) if "PocketSphinx" in name)
    assert table.rows[0][number].text == "25.0 ± 0.0\u00a0[0.1]"
    assert table.rows[1][number].text == "15.0 ± 0.0\u00a0[0]"
    assert table.rows[3][number].verdict == "better"


def test_report_has_it_where_the_validation_set_was_scored(both: Corpus) -> None:
    out = both.root / "out"
    words = ["--dumpdir", str(both.root / "dump"), "--test_sets", "test_en"]
    words += ["--systems", str(both.table), "--output_dir", str(out)]
    main([*words, "--valid_set", "valid"])
    title = "### Observation adding, its weight chosen on valid"
    assert title in (out / "RESULTS.md").read_text()
    main(words)
    assert title not in (out / "RESULTS.md").read_text()


def test_nothing_is_chosen_without_observation_adding(corpus: Corpus) -> None:
    shutil.copytree(corpus.root / "dump/test_en", corpus.root / "dump/valid")
    for exp in Path(corpus.root / "exp").glob("[ab]_seed?"):
        shutil.copytree(exp / "enhanced_test_en", exp / "enhanced_valid")
    assert tuned_table(*views(corpus)) is None
