"""Result values that add; percent appears only when a value is printed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 9999  # draws of the bootstrap
BATCH_ITEMS = 1_000_000  # items drawn at a time: bounds the memory of large test sets
SEED = 0  # of the bootstrap: the same scores always give the same interval


@dataclass(frozen=True)
class Mean:
    """A sum that knows over how many values, and how many had none."""

    total: float = 0.0
    count: int = 0
    excluded: int = 0

    @classmethod
    def of(cls, value: float | None) -> Mean:
        """Make the mean of one value; ``None`` is counted as excluded."""
        return cls(excluded=1) if value is None else cls(float(value), 1)

    def __add__(self, other: Mean) -> Mean:
        return Mean(
            self.total + other.total,
            self.count + other.count,
            self.excluded + other.excluded,
        )

    @property
    def value(self) -> float | None:
        """The mean, or ``None`` when there is nothing to average."""
        return self.total / self.count if self.count else None


@dataclass(frozen=True)
class ErrorCount:
    """Word errors of any number of utterances."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    words: int = 0

    def __add__(self, other: ErrorCount) -> ErrorCount:
        return ErrorCount(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.words + other.words,
        )

    @property
    def errors(self) -> int:
        """Substitutions, deletions and insertions together."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def percent(self) -> float | None:
        """The word error rate in percent: all errors over all reference words."""
        return 100 * self.errors / self.words if self.words else None

    def to_json(self, hypothesis: str) -> dict[str, Any]:
        """Return the entry of a score line."""
        return {
            "sub": self.substitutions,
            "del": self.deletions,
            "ins": self.insertions,
            "words": self.words,
            "hyp": hypothesis,
        }

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ErrorCount:
        """Read the entry of a score line."""
        return cls(entry["sub"], entry["del"], entry["ins"], entry["words"])


@dataclass(frozen=True)
class Difference:
    """``a - b`` with its 95 % interval; ``count`` paired utterances.

    ``low`` and ``high`` are ``None`` where fewer than two pairs exist, or where a draw
    may have no statistic (so few trials that no target is drawn).
    """

    value: float
    low: float | None
    high: float | None
    count: int

    def verdict(self, higher_is_better: bool) -> str:
        """Return ``"better"``, ``"worse"``, or ``"undecided"`` (0 is inside)."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "undecided"
        return "better" if (self.low > 0) == higher_is_better else "worse"


def bootstrap_difference(
    columns: tuple[np.ndarray, ...],
    statistic: Callable[..., np.ndarray],
    resamples: int = RESAMPLES,
) -> Difference:
    """Give ``statistic(*columns)`` with a paired percentile-bootstrap interval.

    Args:
        columns: arrays of shape (N,), resampled together.
        statistic: the difference; takes ``(..., N)`` and ``axis=-1``.
        resamples: number of draws.
    """
    import scipy.stats

    count = len(columns[0])
    value = float(statistic(*columns))
    if count < 2:
        return Difference(value, None, None, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)
        interval = scipy.stats.bootstrap(
            columns,
            statistic,
            n_resamples=resamples,
            batch=max(1, min(1000, BATCH_ITEMS // count)),
            vectorized=True,
            paired=True,
            confidence_level=0.95,
            method="percentile",
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    low, high = float(interval.low), float(interval.high)
    if np.isnan(low) or np.isnan(high):  # some draw has no statistic
        return Difference(value, None, None, count)
    return Difference(value, low, high, count)


def mean_difference(a: np.ndarray, b: np.ndarray) -> Difference:
    """Mean of ``a - b`` with a paired-bootstrap interval over utterances.

    Args:
        a: one value per utterance, shape (N,), N >= 1.
        b: the other system's values on the same utterances, shape (N,).
    """

    def statistic(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.mean(x - y, axis=axis)

    return bootstrap_difference((a, b), statistic)


def wer_difference(
    errors_a: np.ndarray, errors_b: np.ndarray, words: np.ndarray
) -> Difference:
    """Difference of two pooled word error rates, in percentage points.

    Utterances are resampled, errors and words together: a long utterance weighs more,
    as it does in the rate itself. Errors may be fractions (means over seeds).

    Args:
        errors_a: errors per utterance, shape (N,), N >= 1.
        errors_b: the other system's errors, shape (N,).
        words: reference words per utterance, shape (N,), all positive.
    """

    def statistic(
        x: np.ndarray, y: np.ndarray, w: np.ndarray, axis: int = -1
    ) -> np.ndarray:
        return 100 * np.sum(x - y, axis=axis) / np.sum(w, axis=axis)

    return bootstrap_difference((errors_a, errors_b, words), statistic)
