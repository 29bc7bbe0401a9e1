from __future__ import annotations

from espnet2_ext.bin.report import parse_systems
from espnet2_ext.report.examples import choose, make_examples
from espnet2_ext.report.results import read_test_set
from tests.report.conftest import Corpus


def test_choice_is_evenly_spaced_among_the_short_ones() -> None:
    durations = {f"u{i:02d}": 20.0 if i % 2 else 3.0 for i in range(12)}
    assert choose(durations, 2) == ["u02", "u08"]


def test_long_utterances_are_taken_where_there_are_no_others() -> None:
    assert choose({"b": 30.0, "a": 20.0}, 4) == ["a", "b"]


def test_versions_and_hypotheses_and_the_size_limit(corpus: Corpus) -> None:
    systems = parse_systems(corpus.systems)
    test_set = read_test_set(corpus.root / "dump", "test_en", systems)

    def make(count: int, max_bytes: int) -> list:
        return make_examples(corpus.root / "dump", test_set, systems, count, max_bytes)

    two = make(2, 10_000_000)
    assert len(two) == 2
    names = [player.name for player in two[0].players]
    assert names == ["noisy", "SE-SNR", "SE-SNR+SSL", "clean"]
    assert two[0].players[0].heard[0] == (
        "PocketSphinx: some words [4 errors, 10 words]"
    )
    assert len(make(2, two[0].size + 10)) == 1
    assert make(0, 10_000_000) == []
