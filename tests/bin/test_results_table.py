"""What pages quote is what the committed records say."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from espnet2_ext.bin import frontier_figure
from espnet2_ext.bin.results_table import main
from espnet2_ext.errors import UserError
from espnet2_ext.report.records import OF_A_CLAIM, read_records
from tests.conftest import ROOT

RECORDS = ROOT / "egs2/debian_speech/enh_ssl1/results/demo_five_seeds/results.jsonl"


def commands() -> list[list[str]]:
    """The commands of README that make a table."""
    text = (ROOT / "README.md").read_text("utf-8").replace("\\\n", " ")
    found = re.findall(r"^python -m espnet2_ext\.bin\.results_table (.*)$", text, re.M)
    return [shlex.split(line) for line in found]


def test_the_table_of_the_first_page_is_made_of_the_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (words,) = commands()
    main(words)
    table = capsys.readouterr().out.strip()
    assert len(table.splitlines()) == 10
    assert table in (ROOT / "README.md").read_text("utf-8")


def test_phones_are_higher_with_the_ssl_loss_in_each_of_the_five_runs() -> None:
    lps: dict[str, dict[int, float]] = {}
    for record in read_records(RECORDS):
        if record["metric"] == "LPS" and record["seed"] is not None:
            lps.setdefault(record["system"], {})[record["seed"]] = record["value"]
    for other in ("SE-SNR", "SE-SNR+log-mel"):
        assert len(lps[other]) == 5
        assert all(lps["SE-SNR+SSL"][seed] > lps[other][seed] for seed in lps[other])


def test_records_that_are_none_are_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    for line, message in (
        ("{", "not JSON"),
        ("[]", "without all"),
        (json.dumps({"system": "a", "metric": "b", "value": 1}), "without higher_is"),
    ):
        path.write_text(RECORDS.read_text("utf-8").splitlines()[0] + "\n" + line)
        with pytest.raises(UserError, match=rf"results\.jsonl:2: .*{message}"):
            read_records(path)


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown metric 'LSP'.*'LPS'"):
        main(["--results", str(RECORDS), "--columns", "LSP=x:1"])
    with pytest.raises(UserError, match="found 'LPS', expected METRIC=NAME:DIGITS"):
        main(["--results", str(RECORDS), "--columns", "LPS"])


def test_all_seeds_together_have_the_verdicts_of_the_page() -> None:
    found = {
        (r["against"], r["claim"]): r["verdict"]
        for r in read_records(RECORDS.with_name("claims.jsonl"), OF_A_CLAIM)
        if r["system"] == "SE-SNR+SSL" and r["aspect"] == "content"
    }
    for claim in ("pipeline", "transfer"):
        assert found["SE-SNR", claim] == "better"
        assert found["SE-SNR+log-mel", claim] == "better"
        assert found["SE-SNR+OA0.1", claim] == "undecided"
        assert found["noisy", claim] == "worse"


def test_frontier_of_the_page_is_made_of_the_records(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RECORDS.parents[1] / "frontier"
    page = (folder / "README.md").read_text("utf-8").replace("\\\n", " ")
    (line,) = re.findall(
        r"^python -m espnet2_ext\.bin\.frontier_figure (.*)$", page, re.M
    )
    line = line.replace("exp/ablation/results.jsonl", str(folder / "results.jsonl"))
    words = shlex.split(
        line.replace("exp/ablation/frontier.png", str(tmp_path / "x.png"))
    )
    frontier_figure.main(words)
    assert capsys.readouterr().out.strip() in page
