"""Rows of observation adding: whose loss they have, what is said of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espnet2_ext.bin.report import main
from espnet2_ext.plan.table import OBSERVATION_ADDING, SystemRow
from espnet2_ext.report.comparison import compare_set
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.verdict import verdicts
from espnet2_ext.ssl.relation import Upstream
from tests.report.conftest import Corpus

NAMES = ("SE-SNR", "SE-SNR+OA0.1", "SE-SNR+SSL", "SE-SNR+SSL+OA0.1")


@pytest.fixture
def adding(corpus: Corpus) -> Corpus:
    """Return a corpus in which b has an SSL loss, and both have a further row."""
    for seed in (0, 1):
        corpus.config(corpus.exp("b", seed), "wavlm_base_plus")
        for name in ("a", "b"):
            exp = corpus.exp(name, seed)
            row = with_oa(exp)
            enhanced = row / "enhanced_test_en"
            corpus.write(enhanced / "scoring", corpus.errors[name] - 1, 11)
            scp = exp / "enhanced_test_en/spk1.scp"
            (enhanced / "spk1.scp").write_text(scp.read_text())
    rows = []
    for a, b in zip(corpus.rows()[::2], corpus.rows()[1::2], strict=True):
        rows += [a, b, *(with_weight(corpus, seed) for seed in (a, b))]
    corpus.compare(*rows)
    return corpus


def with_weight(corpus: Corpus, row: SystemRow) -> SystemRow:
    return corpus.row(
        f"{row.label}+OA0.1",
        with_oa(Path(row.exp)),
        OBSERVATION_ADDING,
        seed=row.seed,
        made_of=row.row,
        weight="0.1",
    )


def with_oa(exp: Path) -> Path:
    return exp.with_name(exp.name + "_oa0.1")


def test_row_has_the_losses_of_its_system(adding: Corpus) -> None:
    rows = adding.systems
    assert [row.adds_observation for row in rows] == [False, True, False, True]
    upstream = {Upstream("wavlm_base_plus")}
    assert [row.upstreams for row in rows] == [set(), set(), upstream, upstream]


def test_what_two_changes_did_is_not_said_of_the_loss(adding: Corpus) -> None:
    rows = adding.systems
    scored = read_scored_set(adding.root / "dump", "test_en", rows)
    lines = verdicts(compare_set(scored, rows, "SE-SNR"))
    subjects = [line.removeprefix("test_en: ").split("): for ")[0] for line in lines]
    assert subjects[:4] == [
        "The SSL loss (SE-SNR+SSL in place of SE-SNR",
        "The SSL loss against observation adding (SE-SNR+SSL in place of SE-SNR+OA0.1",
        "Observation adding (SE-SNR+OA0.1 in place of SE-SNR",
        "Enhancement by SE-SNR: for the pipeline, no judge; for transfer, content "
        "better (better: WER PocketSphinx, capped WER Whisper tiny.en).",
    ]


def test_report_keeps_order_and_seeds_and_draws_no_empty_curves(
    adding: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    monkeypatch.setattr(
        "espnet2_ext.bin.report.training_figures",
        lambda shown: drawn.extend(s.name for s in shown) or [],
    )
    main([*adding.arguments, "--num_examples", "0"])
    text = (adding.root / "out/RESULTS.md").read_text()
    table = text.split("### test_en: all utterances")[1].split("###")[0]
    rows = [line.split("|")[1].strip() for line in table.splitlines() if "|" in line]
    assert rows[2:8] == ["clean", "noisy", *NAMES]
    assert drawn == ["SE-SNR", "SE-SNR+SSL"]
    lines = (adding.root / "out/results.jsonl").read_text().splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry["system"] == NAMES[1]]
    assert {entry["seed"] for entry in entries} == {0, 1}
