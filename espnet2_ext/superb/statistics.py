"""How the value of a task follows from its items, and what the items are.

An item is one line of predictions.jsonl. It gives two numbers, and a value follows from
these numbers of all items: all values but the equal error rate are a sum over a sum. A
bootstrap resamples the items, never the values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import statistic
from espnet2_ext.metrics.result import ErrorCount
from espnet2_ext.superb.outcomes import (
    Evaluated,
    Line,
    Prediction,
    classified,
    filled,
    transcribed,
    verified,
)

Numbers = tuple[float, ...]  # two for each item


class TaskStatistic(ABC):
    """How a value in percent follows from the items of a task.

    Attributes:
        resampled: the same value from arrays of the numbers, for a bootstrap.
        item_name: what `count` counts.
        needs_threshold: whether a head needs one, chosen on the validation set.
    """

    resampled: statistic.Statistic
    item_name = "utt"
    needs_threshold = False

    @abstractmethod
    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List the items of a test set that s3prl has evaluated."""

    @abstractmethod
    def of(self, item: Line) -> Numbers:
        """Give the two numbers of an item.

        Raises:
            KeyError, TypeError, ValueError: if the item is of another statistic.
        """

    @abstractmethod
    def value(self, items: Sequence[Line]) -> float:
        """Compute the value of at least one item."""

    def count(self, numbers: Collection[Numbers]) -> float:
        """Count what is behind a value, from the numbers of all items."""
        return len(numbers)

    def metrics(
        self, theirs: Mapping[str, float], items: Sequence[Line]
    ) -> dict[str, float]:
        """Complete s3prl's own metrics of a test set."""
        return dict(theirs)


class Ratio(TaskStatistic):
    """The sum of the first numbers over the sum of the second ones."""

    resampled = statistic.RATIO

    def value(self, items: Sequence[Line]) -> float:
        """Compute 0 to 100; error rates can be higher."""
        if not items:
            raise ValueError("no value from 0 items")
        numerators, denominators = zip(*map(self.of, items), strict=True)
        return 100 * sum(numerators) / sum(denominators)

    def count(self, numbers: Collection[Numbers]) -> float:
        """Count what the value is relative to: the sum of the second numbers."""
        return sum(denominator for _, denominator in numbers)


class Accuracy(Ratio):
    """Right answers over all answers."""

    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List classifications."""
        return classified(evaluated.batches)

    def of(self, item: Line) -> Numbers:
        """Give 1 or 0 for right or wrong, and 1."""
        return float(item["correct"]), 1.0


class ErrorRate(Ratio):
    """Substitutions, deletions and insertions over reference tokens."""

    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List transcripts; those of speech recognition have characters besides."""
        return transcribed(evaluated.batches, "cer" in evaluated.task.log_metrics)

    def of(self, item: Line) -> Numbers:
        """Give errors and reference tokens."""
        count = ErrorCount.from_json(item)
        return float(count.errors), float(count.words)


class MeanF1(Ratio):
    """F1 of the slot types of an utterance; as s3prl, the mean over utterances."""

    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List transcripts with how many slot types were found."""
        return filled(evaluated.batches)

    def of(self, item: Line) -> Numbers:
        """Give the F1 of the utterance, and 1."""
        return _f1(item["tp"], item["fp"], item["fn"]), 1.0

    def metrics(
        self, theirs: Mapping[str, float], items: Sequence[Line]
    ) -> dict[str, float]:
        """Add the F1 of the counts of all utterances together."""
        pooled = (sum(item[key] for item in items) for key in ("tp", "fp", "fn"))
        # by 100 and back: the last digit stays what it was
        return {**theirs, "slot_type_f1_pooled": 100 * _f1(*pooled) / 100}


def _f1(tp: int, fp: int, fn: int) -> float:
    """F1 of counts; 1 where there was nothing to find and nothing was found."""
    return 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 1.0


class DiarisationErrorRate(Ratio):
    """Seconds of error over seconds of reference speech."""

    item_name = "s"
    needs_threshold = True

    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List the recordings."""
        return evaluated.score_recordings()

    def of(self, item: Line) -> Numbers:
        """Give seconds of error and of reference speech."""
        return float(item["error"]), float(item["total"])

    def metrics(
        self, theirs: Mapping[str, float], items: Sequence[Line]
    ) -> dict[str, float]:
        """Say that s3prl's metrics are of frames: they are not comparable."""
        return {f"frame_{name}": value for name, value in theirs.items()}


class EqualErrorRate(TaskStatistic):
    """Misses, at the threshold at which false alarms are as frequent."""

    resampled = statistic.EER
    item_name = "trials"

    def items(self, evaluated: Evaluated) -> list[Prediction]:
        """List trials."""
        return verified(evaluated.task.trials, evaluated.batches)

    def of(self, item: Line) -> Numbers:
        """Give the score, and 1 for a trial of the same speaker, else 0."""
        return float(item["score"]), float(item["label"])

    def value(self, items: Sequence[Line]) -> float:
        """Compute 0 to 100.

        Raises:
            UserError: if all trials have the same label.
        """
        if not items:
            raise ValueError("no value from 0 items")
        numbers = np.array([self.of(item) for item in items]).T
        labels = {int(label) for label in numbers[1]}
        if len(labels) != 2:
            raise UserError(
                "EER needs trials of the same and of different speakers; found only "
                f"label {labels.pop()} in {len(items)} trials."
            )
        return self.resampled.value(numbers)


ACCURACY = Accuracy()
ERROR_RATE = ErrorRate()
MEAN_F1 = MeanF1()
DER = DiarisationErrorRate()
EER = EqualErrorRate()
