"""Columns of the joint table: one number for each system, whatever it was made of."""

from __future__ import annotations

import statistics
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet2_ext.metrics.collect import pool, pooled_value
from espnet2_ext.metrics.quantity import Quantity
from espnet2_ext.metrics.result import RESAMPLES, Difference
from espnet2_ext.metrics.statistic import Statistic, paired_difference
from espnet2_ext.report.common import describe
from espnet2_ext.report.evidence import Circular, circular
from espnet2_ext.report.results import TestSet, difference, scoring_dir
from espnet2_ext.report.systems import Origin, System, origins
from espnet2_ext.report.tables import circular_reasons
from espnet2_ext.ssl.relation import Upstream

SIGNAL, DOWNSTREAM, RECOGNISER = "signal", "downstream", "recogniser"


@dataclass(frozen=True)
class Run:
    """The number of one seed (of clean and noisy: the only one), and its origin."""

    value: float
    origin: Origin
    source: Path


@dataclass(frozen=True)
class Heading:
    """What stands above a column.

    Attributes:
        kind: ``SIGNAL``, ``DOWNSTREAM`` or ``RECOGNISER``.
        label: the printed name, with the test set or the upstream.
        unit: e.g. ``"%"``.
        higher_is_better: which way is good.
        items: how many utterances, words, trials ... are behind a number.
        item_name: what they are.
        place: ``test_set``, or ``task`` and ``upstream``, for ``results.jsonl``.
        metric: its name there.
        circular: why, and for which systems, it is no independent evidence.
        digits: decimals in a table.
        counted: the number of items in words, where some could not be judged.
    """

    kind: str
    label: str
    unit: str
    higher_is_better: bool
    items: int
    item_name: str
    place: Mapping[str, str]
    metric: str
    circular: Circular | None = None
    digits: int = 1
    counted: str = ""

    @property
    def count(self) -> str:
        """How many items are behind a number, in words."""
        return self.counted or f"{self.items} {self.item_name}"

    def independent(self, *systems: str) -> bool:
        """Whether no loss of these systems aims at the column."""
        return self.circular is None or not set(systems) & set(self.circular.systems)

    def worse(self, a: float, b: float) -> bool:
        """Whether the number ``a`` is worse than ``b``."""
        return a < b if self.higher_is_better else a > b


class Column(ABC):
    """One number for each system, and the difference of any two.

    Attributes:
        heading: what the numbers are.
        resamples: draws of the bootstrap of a difference.
        notes: what a reader of the column should know.
    """

    heading: Heading
    resamples: int
    notes: tuple[str, ...] = ()

    @abstractmethod
    def runs(self, row: str) -> tuple[Run, ...]:
        """Return the numbers of a row, one per seed; empty where there are none."""

    @abstractmethod
    def difference(self, a: str, b: str) -> Difference | None:
        """Return row ``a`` minus row ``b``, seeds averaged first."""

    def mean_and_spread(self, row: str) -> tuple[float | None, float | None]:
        """Return the mean over seeds, and their standard deviation if there are two."""
        values = [run.value for run in self.runs(row)]
        if not values:
            return None, None
        spread = statistics.stdev(values) if len(values) > 1 else None
        return statistics.fmean(values), spread


class ScoreColumn(Column):
    """A quantity of stage 8: the numbers and intervals of the test set's own tables."""

    resamples = RESAMPLES

    def __init__(
        self,
        test_set: TestSet,
        quantity: Quantity,
        sources: Mapping[str, Sequence[tuple[Origin, Path]]],
        circular: Circular | None = None,
    ) -> None:
        self.test_set, self.quantity, self.sources = test_set, quantity, sources
        losses = test_set.losses.get(quantity.key, ())
        self.notes = tuple(describe(f"{quantity.label} {test_set.name}", losses))
        counts = quantity.is_error_count
        self.heading = Heading(
            RECOGNISER if counts else SIGNAL,
            f"{quantity.label} {test_set.name}",
            quantity.unit,
            quantity.higher_is_better,
            test_set.count(quantity),
            "words" if counts else "utt",
            {"test_set": test_set.name},
            quantity.key,
            circular,
            quantity.digits,
            test_set.count_text(quantity),
        )

    def runs(self, row: str) -> tuple[Run, ...]:
        """Return the pooled value of each seed that has one."""
        scores = self.test_set.row(row).runs
        found = []
        for run, (origin, source) in zip(scores, self.sources[row], strict=False):
            value = pooled_value(pool(run.values(), self.quantity.key))
            if value is not None:
                found.append(Run(value, origin, source))
        return tuple(found)

    def difference(self, a: str, b: str) -> Difference | None:
        """Return ``a - b`` over the utterances that both have."""
        rows = self.test_set.row(a), self.test_set.row(b)
        if not all(row.runs for row in rows):
            return None
        return difference(*rows, self.quantity.key)


@dataclass(frozen=True)
class ItemRun(Run):
    """A run with the numbers of each item: id -> what the statistic takes."""

    by_item: Mapping[str, tuple[float, ...]]


class ItemColumn(Column):
    """A column whose numbers follow from items: a probe's, or a recogniser's.

    A row needs all seeds of its system: the mean of some of them is another number.
    """

    def __init__(
        self,
        heading: Heading,
        statistic: Statistic,
        rows: Mapping[str, Sequence[ItemRun]],
        systems: Sequence[System],
    ) -> None:
        self.heading, self.statistic = heading, statistic
        self.resamples = statistic.resamples
        seeds = {system.name: len(system.rows) for system in systems}
        self._rows = {
            row: runs for row, runs in rows.items() if len(runs) == seeds.get(row, 1)
        }
        self.notes = tuple(
            f"{heading.label}: '{row}' has {len(rows[row])} of {seeds[row]} seeds; "
            "left out."
            for row in rows
            if row not in self._rows
        )

    @cached_property
    def _order(self) -> list[str]:
        first = next(runs[0] for runs in self._rows.values() if runs)
        return list(first.by_item)

    def _arrays(self, row: str) -> list[np.ndarray]:
        return [
            np.array([run.by_item[item] for item in self._order], dtype=float).T
            for run in self._rows[row]
        ]

    def runs(self, row: str) -> tuple[Run, ...]:
        """Return what each seed reached."""
        return tuple(self._rows.get(row, ()))

    def difference(self, a: str, b: str) -> Difference | None:
        """Return ``a - b``, every item drawn together."""
        if not self.runs(a) or not self.runs(b):
            return None
        return paired_difference(self.statistic, self._arrays(a), self._arrays(b))


def item_run(
    statistic: Statistic,
    origin: Origin,
    source: Path,
    by_item: Mapping[str, tuple[float, ...]],
) -> ItemRun:
    """Make a run whose value is the statistic of its items."""
    value = statistic.value(np.array(list(by_item.values()), dtype=float).T)
    return ItemRun(value, origin, source, by_item)


def circular_note(
    systems: Sequence[System], judges: Collection[Upstream]
) -> Circular | None:
    """Say in the loss of which systems one of ``judges`` is, or its family, if any."""
    losses = {system.name: system.upstreams for system in systems}
    return circular("its upstream", judges, losses)


def score_columns(
    dumpdir: Path, test_set: TestSet, systems: Sequence[System]
) -> list[ScoreColumn]:
    """Make a column of every quantity of a test set, hidden ones too."""
    sources: dict[str, list[tuple[Origin, Path]]] = {}
    for name, origin in origins(systems):
        source = scoring_dir(dumpdir, test_set.name, name, origin) / "scores.jsonl"
        sources.setdefault(name, []).append((origin, source))
    reasons = circular_reasons(test_set, systems)
    return [
        ScoreColumn(test_set, quantity, sources, reasons.get(quantity.key))
        for quantity in test_set.quantities
    ]
