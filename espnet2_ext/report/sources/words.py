"""The numbers that follow from what a recogniser of stage 8 has written.

A recogniser with a language model inside may repeat a phrase until its window is full:
two such utterances were 44 of 63 points of an error rate over 36. So its errors count
at most as many as an utterance has words where it decides something; beside it stand
the plain rate, the insertions, and how many utterances were repeated.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.quantity import JUDGE, MEAN, SHOWN, WER_PREFIX, Quantity

# Whisper's own sign of repetition (Radford et al., 2023, section 4.5)
COMPRESSION_RATIO = 2.4

Entry = Any  # of a score line: a number, or sub, del, ins, words, hyp


class Reading(NamedTuple):
    """One number of a recogniser, and its items ``(numerator, denominator)``."""

    quantity: Quantity
    of: Callable[[Entry], tuple[float, float]]


def _errors(entry: Entry) -> tuple[float, float]:
    return entry["sub"] + entry["del"] + entry["ins"], entry["words"]


def _capped(entry: Entry) -> tuple[float, float]:
    errors, words = _errors(entry)
    return min(errors, words), words


def _insertions(entry: Entry) -> tuple[float, float]:
    return entry["ins"], entry["words"]


def _repeated(entry: Entry) -> tuple[float, float]:
    return 100 * is_repeated(entry["hyp"]), 1


def is_repeated(hypothesis: str) -> bool:
    """Tell whether a text repeats itself as endless recognitions do."""
    text = hypothesis.encode()
    return len(text) > COMPRESSION_RATIO * len(zlib.compress(text))


def readings(quantity: Quantity) -> list[Reading]:
    """List the numbers of a recogniser.

    Args:
        quantity: its word error rate.
    """
    name = quantity.key.removeprefix(WER_PREFIX)
    if not RECOGNISERS[name].may_repeat:
        return [Reading(quantity, _errors)]
    label = RECOGNISERS[name].label
    shown = replace(quantity, role=SHOWN)
    return [
        Reading(
            replace(
                quantity,
                key=f"CAPPED_{quantity.key}",
                label=f"capped {quantity.label}",
                role=JUDGE,
            ),
            _capped,
        ),
        Reading(shown, _errors),
        Reading(
            replace(shown, key=f"INS_{name}", label=f"insertions {label}"), _insertions
        ),
        Reading(
            replace(
                shown, key=f"REPEATED_{name}", label=f"repeated {label}", kind=MEAN
            ),
            _repeated,
        ),
    ]
