"""How the value of a task follows from its items, and what the items are.

An item is one line of predictions.jsonl. It gives two numbers, and a value follows from
these numbers of all items: all values but the equal error rate are a sum over a sum. A
bootstrap resamples the items, never the values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import statistic
from espnet2_ext.metrics.result import ErrorCount
from espnet2_ext.superb.outcomes import (
    Evaluated,
    Line,
    Metrics,
    Prediction,
    classified,
    filled,
    transcribed,
    verified,
)

Numbers = tuple[float, ...]  # two for each item


@dataclass(frozen=True)
class TaskStatistic:
    """A sum over a sum, in percent.

    Attributes:
        items: lists the items of a test set that s3prl has evaluated.
        of: gives the two numbers of an item; ``KeyError`` if it lacks something.
        higher_is_better: the direction of goodness.
        item_name: what `count` counts.
        metrics: completes s3prl's own metrics of a test set, given its items.
        needs_threshold: whether a head needs one, chosen on the validation set.
        resampled: the same value from arrays of the numbers, for a bootstrap.
    """

    items: Callable[[Evaluated], list[Prediction]]
    of: Callable[[Line], Numbers]
    higher_is_better: bool = False
    item_name: str = "utt"
    metrics: Callable[[Metrics, Sequence[Line]], Metrics] = lambda theirs, items: theirs
    needs_threshold: bool = False
    resampled: statistic.Statistic = statistic.RATIO

    def value(self, items: Sequence[Line]) -> float:
        """Compute the value of at least one item; error rates can exceed 100."""
        if not items:
            raise ValueError("no value from 0 items")
        numerators, denominators = zip(*map(self.of, items), strict=True)
        return 100 * sum(numerators) / sum(denominators)

    def count(self, numbers: Collection[Numbers]) -> float:
        """Count what is behind a value, from the numbers of all items."""
        return sum(denominator for _, denominator in numbers)


class EqualErrorRate(TaskStatistic):
    """Misses, at the threshold at which false alarms are as frequent."""

    def value(self, items: Sequence[Line]) -> float:
        """Compute 0 to 100.

        Raises:
            UserError: if all trials have the same label.
        """
        numbers = np.array([self.of(item) for item in items]).reshape(-1, 2).T
        labels = {int(label) for label in numbers[1]}
        if len(labels) != 2:
            raise UserError(
                "EER needs trials of the same and of different speakers; found only "
                f"label {labels.pop() if labels else '-'} in {len(items)} trials."
            )
        return self.resampled.value(numbers)

    def count(self, numbers: Collection[Numbers]) -> float:
        """Count the trials."""
        return len(numbers)


def _errors(item: Line) -> Numbers:
    count = ErrorCount.from_json(item)
    return float(count.errors), float(count.words)


def _f1(*items: Line) -> float:
    """F1 of pooled counts; 1 where there was nothing to find and nothing was found."""
    tp, fp, fn = (sum(item[key] for item in items) for key in ("tp", "fp", "fn"))
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


def _with_pooled_f1(theirs: Metrics, items: Sequence[Line]) -> Metrics:
    # by 100 and back: the last digit stays what it was
    return {**theirs, "slot_type_f1_pooled": 100 * _f1(*items) / 100}


# right answers of all answers
ACCURACY = TaskStatistic(
    items=lambda evaluated: classified(evaluated.batches),
    of=lambda item: (float(item["correct"]), 1.0),
    higher_is_better=True,
)
# substitutions, deletions and insertions over reference tokens
ERROR_RATE = TaskStatistic(
    items=lambda evaluated: transcribed(
        evaluated.batches, "cer" in evaluated.task.log_metrics
    ),
    of=_errors,
)
# F1 of the slot types of an utterance; as in s3prl, the mean over utterances
MEAN_F1 = TaskStatistic(
    items=lambda evaluated: filled(evaluated.batches),
    of=lambda item: (_f1(item), 1.0),
    higher_is_better=True,
    metrics=_with_pooled_f1,
)
# seconds of error over seconds of reference speech; s3prl's own metrics are of frames
DER = TaskStatistic(
    items=lambda evaluated: evaluated.score_recordings(),
    of=lambda item: (float(item["error"]), float(item["total"])),
    item_name="s",
    metrics=lambda theirs, items: {f"frame_{k}": v for k, v in theirs.items()},
    needs_threshold=True,
)
EER = EqualErrorRate(
    items=lambda evaluated: verified(evaluated.task.trials, evaluated.batches),
    of=lambda item: (float(item["score"]), float(item["label"])),
    item_name="trials",
    resampled=statistic.EER,
)
