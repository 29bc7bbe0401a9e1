from __future__ import annotations

import random

import jiwer
import pytest

from espnet2_ext.metrics.alignment import (
    Aligned,
    Step,
    Tally,
    align,
    token_errors,
)
from espnet2_ext.metrics.result import ErrorCount


def kinds(reference: str, hypothesis: str) -> str:
    steps = align(reference.split(), hypothesis.split())
    return "".join(step.kind for step in steps)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("a b c", "a b c", "CCC"),
        ("a b c", "a x c", "CSC"),
        ("a b c", "a c", "CDC"),
        ("a c", "a b c", "CIC"),
        ("a b", "", "DD"),
    ],
)
def test_steps_of_one_error(reference: str, hypothesis: str, expected: str) -> None:
    assert kinds(reference, hypothesis) == expected


def test_case_and_letters_beyond_ascii_count() -> None:
    assert kinds("Да нет", "да нет") == "SC"


def edit_distance(a: list[str], b: list[str]) -> int:
    """The textbook recursion, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            step = min(row[j] + 1, row[j - 1] + 1, before + (x != y))
            before, row[j] = row[j], step
    return row[-1]


def test_errors_are_the_edit_distance_and_both_sides_are_kept() -> None:
    rng = random.Random(0)
    refs = [rng.choices("abc", k=rng.randint(1, 9)) for _ in range(200)]
    hyps = [rng.choices("abc", k=rng.randint(0, 9)) for _ in range(200)]
    for ref, hyp in zip(refs, hyps, strict=True):
        utterance = Aligned("u", "s", align(ref, hyp))
        assert utterance.tokens("ref") == ref
        assert utterance.tokens("hyp") == hyp
        assert utterance.count.errors == edit_distance(ref, hyp)
        assert utterance.count.words == len(ref)


def test_errors_are_counted_as_aligned_and_as_jiwer_counts_them() -> None:
    rng = random.Random(1)
    for _ in range(200):
        ref = rng.choices(("a", "b", "cc"), k=rng.randint(1, 12))
        hyp = rng.choices(("a", "b", "cc"), k=rng.randint(0, 12))
        count = token_errors(ref, hyp)
        assert count == Aligned("u", "s", align(ref, hyp)).count
        theirs = jiwer.process_words(" ".join(ref), " ".join(hyp))
        kinds = (theirs.substitutions, theirs.deletions, theirs.insertions)
        assert (count.substitutions, count.deletions, count.insertions) == kinds


def test_errors_of_letters_are_parted_into_kinds() -> None:
    assert token_errors("abcd", "axcef") == ErrorCount(2, 0, 1, 4)
    assert token_errors("abc", "a") == ErrorCount(deletions=2, words=3)
    assert token_errors("", "ab") == ErrorCount(insertions=2)


def test_tally_pools_tokens_and_counts_wrong_utterances() -> None:
    tally = Tally.of([ErrorCount(1, 0, 0, 1), ErrorCount(0, 0, 0, 9)])
    assert tally.percentages() == (90.0, 10.0, 0.0, 0.0, 10.0, 50.0)
    assert (tally + tally).counts() == (18, 2, 0, 0, 2, 2)


def test_insertions_push_the_error_above_one_hundred_percent() -> None:
    steps = (Step("S", "a", "x"), Step("I", "", "y"))
    tally = Tally.of([Aligned("u", "s", steps).count])
    assert tally.percentages()[4] == 200.0
