from __future__ import annotations

import json

import soundfile

from espnet2_ext.report.examples import choose, make_examples
from espnet2_ext.report.sources.scores import read_scored_set
from tests.report.conftest import Corpus
from tests.report.test_tables import drop


def test_choice_is_evenly_spaced_among_the_short_ones() -> None:
    durations = {f"u{i:02d}": 20.0 if i % 2 else 3.0 for i in range(12)}
    assert choose(durations, 2) == ["u02", "u08"]


def test_long_utterances_are_taken_where_there_are_no_others() -> None:
    assert choose({"b": 30.0, "a": 20.0}, 4) == ["a", "b"]


def test_versions_and_hypotheses_and_the_size_limit(corpus: Corpus) -> None:
    systems = corpus.systems
    scored = read_scored_set(corpus.root / "dump", "test_en", systems)

    def make(count: int, max_bytes: int) -> list:
        return make_examples(scored, systems, count, max_bytes)

    two = make(2, 10_000_000)
    assert len(two) == 2
    names = [player.name for player in two[0].players]
    assert names == ["noisy", "SE-SNR", "SE-SNR+SSL", "clean"]
    assert two[0].players[0].heard[0] == (
        "PocketSphinx: some words [4 errors, 10 words]"
    )
    assert len(make(2, two[0].size + 10)) == 1
    assert make(0, 10_000_000) == []


def test_odd_utterances_do_not_end_the_report(corpus: Corpus) -> None:
    """u0: not readable, and so without scores; u1: 10 ms, on which a judge crashed."""
    drop(corpus, "WER_pocketsphinx", ["u1"], "dump/test_en/scoring")
    path = corpus.data / "scoring" / "scores.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    keys = [key for key in lines[0] if key != "utt"]
    lines[0] |= dict.fromkeys(keys) | {"no_value": {"audio": "cannot be read"}}
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (corpus.data / "noisy_u0.wav").write_bytes(b"no audio")
    for wav in [*corpus.data.glob("*_u1.wav"), *corpus.root.glob("exp/*/*/*_u1.wav")]:
        soundfile.write(wav, soundfile.read(wav)[0][:160], 16000)
    systems = corpus.systems
    scored = read_scored_set(corpus.root / "dump", "test_en", systems)
    found = make_examples(scored, systems, 7, 10_000_000)
    assert [example.title.split(",")[0] for example in found] == corpus.utts[1:]
    assert [len(player.heard) for player in found[0].players] == [1] * 4
