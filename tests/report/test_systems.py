"""The systems of ``systems.tsv``, as rows of a report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espnet2_ext.bin.report import main
from espnet2_ext.errors import UserError
from espnet2_ext.plan.table import DENOISER, FIRST_STAGE, SYSTEM
from espnet2_ext.report.systems import read_systems
from tests.report.conftest import Corpus


def test_rows_with_one_label_are_seeds_of_one_system(corpus: Corpus) -> None:
    before = corpus.row("long", corpus.root / "nowhere", FIRST_STAGE)
    denoiser = corpus.row("RNNoise", corpus.root, DENOISER)
    corpus.compare(before, denoiser, *corpus.rows())
    systems = corpus.systems
    assert [system.name for system in systems] == ["RNNoise", "SE-SNR", "SE-SNR+SSL"]
    assert [system.trained for system in systems] == [False, True, True]
    assert [len(system.rows) for system in systems] == [1, 2, 2]
    assert systems[0].trainings == ()
    assert systems[1].trainings == (corpus.exp("a", 0), corpus.exp("a", 1))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "found no trained system"),
        ([("X", ".", DENOISER)], "found no trained system"),
        ([("a", "no/such/folder", SYSTEM)], "no such directory: no/such/folder"),
        ([("noisy", ".", SYSTEM)], "'noisy' is taken"),
        ([("a", ".", SYSTEM), ("a", "..", DENOISER)], "'a' is taken"),
    ],
)
def test_wrong_systems_are_refused(corpus: Corpus, rows: list, message: str) -> None:
    corpus.compare(*(corpus.row(label, Path(exp), kind) for label, exp, kind in rows))
    with pytest.raises(UserError, match=message):
        read_systems(corpus.table)


def test_what_is_no_table_of_systems_says_what_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run the recipe, which writes it"):
        read_systems(tmp_path / "SE-SNR=exp,exp")


def test_audio_under_another_inference_tag_is_found(corpus: Corpus) -> None:
    rows = []
    for row in corpus.rows():
        folder = Path(row.exp)
        (folder / "enhanced_test_en").rename(folder / "blind_test_en")
        for scp in (folder / "blind_test_en").glob("*.scp"):
            scp.write_text(scp.read_text().replace("enhanced_test", "blind_test"))
        more = {"seed": row.seed, "enhanced": "blind"}
        rows.append(type(row)(row.label, SYSTEM, row.exp, **more))
    corpus.compare(*rows)
    main([*corpus.arguments, "--num_examples", "1"])
    lines = (corpus.root / "out/results.jsonl").read_text().splitlines()
    sources = {e["source"] for e in map(json.loads, lines) if e["exp_dir"]}
    assert all("/blind_test_en/" in source for source in sources)
    assert len(sources) == 4
