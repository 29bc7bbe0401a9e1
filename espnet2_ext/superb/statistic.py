"""The value of a task from its items: the same sums that a bootstrap resamples.

An item is one line of predictions.jsonl. All but EER are ratios of two sums, so a
resampled value needs no more than each item's two numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.superb.tasks import STATISTICS

Item = Mapping[str, Any]


def ratio_of(statistic: str, item: Item) -> tuple[float, float]:
    """Give numerator and denominator of one item; a value is sum over sum.

    * accuracy: correct, 1
    * error_rate: substitutions, deletions and insertions; reference tokens
    * der: seconds of error; seconds of reference speech
    * f1: F1 of the slot types of this utterance, 1 (as s3prl: a mean over utterances)

    Raises:
        ValueError: for "eer", which is no ratio, or an unknown statistic.
    """
    if statistic == "accuracy":
        return float(item["correct"]), 1.0
    if statistic == "error_rate":
        return float(item["sub"] + item["del"] + item["ins"]), float(item["words"])
    if statistic == "der":
        return float(item["error"]), float(item["total"])
    if statistic == "f1":
        return f1(item["tp"], item["fp"], item["fn"]), 1.0
    raise ValueError(f"{statistic!r} is not a ratio of sums")


def f1(tp: int, fp: int, fn: int) -> float:
    """F1 of counts; 1 where there was nothing to find and nothing was found."""
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def pooled_f1(items: Sequence[Item]) -> float:
    """Compute F1 in percent of the counts of all items together."""
    tp, fp, fn = (sum(item[key] for item in items) for key in ("tp", "fp", "fn"))
    return 100 * f1(tp, fp, fn)


def eer(labels: np.ndarray, scores: np.ndarray) -> float:
    """Compute the equal error rate in percent, as s3prl does.

    Args:
        labels: 1 for the same speaker, 0 for different ones, (N,).
        scores: the higher the more alike, (N,).

    Raises:
        UserError: if all labels are the same.
    """
    if len(set(labels.tolist())) != 2:
        raise UserError(
            f"EER needs trials of the same and of different speakers; found only "
            f"label {labels[0] if len(labels) else '-'} in {len(labels)} trials."
        )
    from s3prl.metric import compute_eer

    value, _ = compute_eer(labels, scores)
    return 100 * float(value)


def value_of(statistic: str, items: Sequence[Item]) -> float:
    """Compute the value in percent, 0..100 (error rates can be higher).

    Raises:
        ValueError: if there are no items, or the statistic is unknown.
    """
    if statistic not in STATISTICS or not items:
        raise ValueError(f"no value of {statistic!r} from {len(items)} items")
    if statistic == "eer":
        labels = np.array([int(item["label"]) for item in items])
        return eer(labels, np.array([float(item["score"]) for item in items]))
    numerators, denominators = zip(
        *(ratio_of(statistic, i) for i in items), strict=True
    )
    return 100 * sum(numerators) / sum(denominators)
