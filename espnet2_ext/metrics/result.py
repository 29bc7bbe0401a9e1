"""Result values that add; percent appears only when a value is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


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
    may have no statistic (so few trials that no target is drawn). ``draws`` are the
    differences in the draws of the bootstrap, from which the interval is taken.
    """

    value: float
    low: float | None
    high: float | None
    count: int
    draws: np.ndarray | None = field(default=None, compare=False, repr=False)

    def verdict(self, higher_is_better: bool) -> str:
        """Return ``"better"``, ``"worse"``, or ``"undecided"`` (0 is inside)."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "undecided"
        return "better" if (self.low > 0) == higher_is_better else "worse"
