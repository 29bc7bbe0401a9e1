"""What is read from the words that a recogniser has written."""

from __future__ import annotations

import pytest

from espnet2_ext.metrics.quantity import JUDGE, SHOWN
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.report.sources.words import is_repeated, readings


def entry(sub: int, dele: int, ins: int, words: int, hyp: str = "x") -> dict:
    return {"sub": sub, "del": dele, "ins": ins, "words": words, "hyp": hyp}


def test_whispers_errors_decide_as_far_as_an_utterance_has_words() -> None:
    found = {r.quantity.key: r for r in readings(quantity_of("WER_whisper_tiny_en"))}
    endless = entry(2, 0, 109, 11, "the number is " * 40)
    assert {key: r.of(endless) for key, r in found.items()} == {
        "CAPPED_WER_whisper_tiny_en": (11, 11),
        "WER_whisper_tiny_en": (111, 11),
        "INS_whisper_tiny_en": (109, 11),
        "REPEATED_whisper_tiny_en": (100, 1),
    }
    assert found["CAPPED_WER_whisper_tiny_en"].of(entry(2, 1, 1, 11)) == (4, 11)
    roles = [r.quantity.role for r in found.values()]
    assert roles == [JUDGE, SHOWN, SHOWN, SHOWN]


def test_a_recogniser_that_cannot_repeat_has_one_number() -> None:
    (only,) = readings(quantity_of("WER_pocketsphinx"))
    assert only.quantity == quantity_of("WER_pocketsphinx")
    assert only.of(entry(1, 2, 3, 4)) == (6, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("yes yes yes", False),
        ("please enter your pin number followed by the pound key", False),
        ("one two three four five six seven eight nine zero " * 2, False),
        ("thank you. " * 60, True),
        ("i'm going to go to the " * 30, True),
    ],
)
def test_endless_texts_are_told_from_others(text: str, expected: bool) -> None:
    assert is_repeated(text) == expected
