"""Where a loss pays: its claims in the records, the table and the figure of them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from espnet2_ext.bin import gain_figure
from espnet2_ext.errors import UserError
from espnet2_ext.report.gains import read_gains
from espnet2_ext.report.records import (
    OF_A_CLAIM,
    claim_records,
    read_records,
    records,
    to_jsonl,
)
from tests.report.conftest import Corpus
from tests.report.downstream import read


@pytest.fixture
def results(full: Corpus, tmp_path: Path) -> Path:
    """The folder of a report whose second system has Whisper in its loss."""
    for seed in (0, 1):
        full.config(full.exp("b", seed), "whisper_tiny_en")
    view = read(full)
    numbers = to_jsonl(records(view.columns, view.rows, "report"))
    (tmp_path / "results.jsonl").write_text(numbers)
    (tmp_path / "claims.jsonl").write_text(to_jsonl(claim_records(view, "report")))
    return tmp_path


def test_claims_in_the_records_are_those_of_the_page(results: Path) -> None:
    (found,) = (
        r
        for r in read_records(results / "claims.jsonl", OF_A_CLAIM)
        if (r["system"], r["against"]) == ("SE-SNR+SSL", "SE-SNR")
        and (r["claim"], r["aspect"]) == ("pipeline", "content")
    )
    assert found["change"] == "The SSL loss"
    assert found["value"] == pytest.approx(50.0)  # 40 points of noise: 35 - 15 of them
    assert found["low"] <= found["value"] <= found["high"]
    assert found["judges"] == ["capped WER Whisper tiny.en test_en"]


def test_gains_stand_at_the_quality_of_the_row_without_the_loss(results: Path) -> None:
    gains = read_gains({"small": results})
    assert {(g.experiment, g.system, g.against) for g in gains} == {
        ("small", "SE-SNR+SSL", "SE-SNR")
    }
    values = [
        r["value"]
        for r in read_records(results / "results.jsonl")
        if (r["metric"], r["system"]) == ("SI_SNR", "SE-SNR")
    ]
    assert len(values) == 2
    for gain in gains:
        assert gain.quality == pytest.approx(sum(values) / 2)


def test_figure_and_table_have_a_point_for_each_experiment(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gain.png"
    words = ["--results", f"one={results}", f"two={results}", "--output", str(path)]
    gain_figure.main(words)
    printed = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in printed.splitlines()[2:]] == [
        "one",
        "two",
    ]
    first = path.read_bytes()
    assert Image.open(io.BytesIO(first)).size == (900, 600)
    gain_figure.main(words)
    assert path.read_bytes() == first
    gain_figure.main([*words[:2], *words[3:]])
    assert path.read_bytes() != first


def test_records_without_claims_are_refused(results: Path, tmp_path: Path) -> None:
    output = ["--output", str(tmp_path / "x.png")]
    (results / "claims.jsonl").write_text("")
    with pytest.raises(UserError, match=r"claims\.jsonl: found no claim about an SSL"):
        gain_figure.main(["--results", f"old={results}", *output])
    (results / "claims.jsonl").unlink()
    with pytest.raises(UserError, match=r"claims\.jsonl: cannot read it.*stage 15"):
        gain_figure.main(["--results", f"old={results}", *output])
    with pytest.raises(UserError, match="found 'old', expected NAME=DIR"):
        gain_figure.main(["--results", "old", *output])


def test_claims_of_another_version_are_refused(results: Path) -> None:
    with pytest.raises(
        UserError, match=r"results\.jsonl:1: .* without against, aspect"
    ):
        read_records(results / "results.jsonl", OF_A_CLAIM)
