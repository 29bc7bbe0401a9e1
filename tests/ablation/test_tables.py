from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from espnet2_ext.ablation.settings import Ablation, Setting
from espnet2_ext.ablation.tables import build_section, find_scored
from espnet2_ext.errors import UserError
from espnet2_ext.report.cells import NBSP, Table
from espnet2_ext.report.sources.scores import read_scored_set
from tests.report.conftest import Corpus

SNR = {"name": "snr", "conf": {}}
SSL = {"name": "ssl", "conf": {"upstream": "whisper_tiny_en"}}
SEEDS = ("0", "1")


def settings(**criterions: list) -> tuple[Setting, ...]:
    return tuple(
        Setting(f"group {label}", label, {"criterions": losses})
        for label, losses in criterions.items()
    )


@pytest.fixture
def ablation(corpus: Corpus) -> Ablation:
    for seed in (0, 1):
        corpus.config(corpus.exp("b", seed), "whisper_tiny_en")
    return Ablation((), ("a",), settings(a=[SNR], b=[SNR, SSL]))


def find(corpus: Corpus, ablation: Ablation, seeds: tuple[str, ...] = SEEDS):
    exp, dump = corpus.root / "exp", corpus.root / "dump"
    return find_scored(ablation, exp, seeds, dump, "test_en")


def tables(corpus: Corpus, ablation: Ablation) -> tuple[Table, ...]:
    scored = find(corpus, ablation)
    test_set = read_scored_set(corpus.root / "dump", "test_en", scored.systems)
    return build_section(test_set, scored, ablation.compare).tables


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_rows_have_their_group_mean_and_spread(
    corpus: Corpus, ablation: Ablation
) -> None:
    values, _ = tables(corpus, ablation)
    assert [row[:2] for row in texts(values)] == [
        *(["clean", ""], ["noisy", ""], ["a", "group a"], ["b", "group b"])
    ]
    # levels 10 and 11 (12 and 13) and the mean of 0.0 ... 0.7
    assert [row[2] for row in texts(values)[2:]] == ["10.85 ± 0.71", "12.85 ± 0.71"]
    assert values.header[2] == f"SI-SNR (dB){NBSP}↑ [8{NBSP}utt]"
    assert values.notes[0] == "± is the standard deviation over 2 seeds."


def test_a_distance_is_marked_in_the_rows_whose_loss_has_its_upstream(
    corpus: Corpus, ablation: Ablation
) -> None:
    values, _ = tables(corpus, ablation)
    assert [row[3] for row in texts(values)] == [
        *("0.5000", "0.5000", "0.5000 ± 0.0000", "0.5000 ± 0.0000‡")
    ]
    assert "‡" not in "".join(values.header)
    assert sum(note.startswith("‡") for note in values.notes) == 1


def test_each_setting_is_compared_with_each_of_those_named(
    corpus: Corpus, ablation: Ablation
) -> None:
    both = Ablation((), ("a", "b"), ablation.settings)
    _, to_a, to_b = tables(corpus, both)
    assert [row[0] for row in texts(to_a)] == ["b"]
    assert [row[0] for row in texts(to_b)] == ["a"]
    assert to_a.title == "test_en: difference to a"
    assert texts(to_a)[0][2] == f"+2.00 [+2.00,{NBSP}+2.00]{NBSP}✔"
    assert texts(to_b)[0][2] == f"-2.00 [-2.00,{NBSP}-2.00]{NBSP}✘"


def test_what_is_not_finished_is_left_out_and_named(
    corpus: Corpus, ablation: Ablation
) -> None:
    more = Ablation((), ("a",), (*ablation.settings, *settings(c=[SNR])))
    scored = find(corpus, more)
    assert [system.name for system in scored.systems] == ["a", "b"]
    assert scored.left_out == ("left out, not scored with every seed: c",)


def test_one_seed_that_is_missing_leaves_the_setting_out(
    corpus: Corpus, ablation: Ablation
) -> None:
    (corpus.exp("b", 1) / "enhanced_test_en/scoring/scores.jsonl").unlink()
    scored = find(corpus, ablation)
    assert [system.name for system in scored.systems] == ["a"]
    assert scored.left_out == ("left out, not scored with every seed: b",)


def test_what_was_trained_with_another_loss_is_left_out(
    corpus: Corpus, ablation: Ablation
) -> None:
    path: Path = corpus.exp("b", 1) / "config.yaml"
    path.write_text(yaml.safe_dump({"criterions": [SNR]}))
    scored = find(corpus, ablation)
    assert [system.name for system in scored.systems] == ["a"]
    (line,) = scored.left_out
    assert line.startswith("left out, trained with another loss than it now has, in ")
    assert line.endswith("b_seed1: b")


def test_without_the_setting_compared_with_there_is_no_table(
    corpus: Corpus, ablation: Ablation
) -> None:
    other = Ablation((), ("c",), (*ablation.settings, *settings(c=[SNR])))
    with pytest.raises(UserError, match=r"'c', which the others .* local/ablate\.sh"):
        find(corpus, other)
