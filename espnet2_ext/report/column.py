"""A column of a table: the items of every row, and the numbers that follow from them.

A mean over the utterances a system got right is no mean to compare. So an utterance
that some row has no value for (`espnet2_ext.metrics.limits`, a crash) counts in no row
of that column; the header says how many are left, the notes which and why.
"""

from __future__ import annotations

import math
import statistics
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet2_ext.errors import shorten
from espnet2_ext.metrics.quantity import FEATURES, JUDGE, Quantity
from espnet2_ext.metrics.result import Difference
from espnet2_ext.metrics.statistic import RESAMPLES, Statistic, paired_difference
from espnet2_ext.report.circularity import Related
from espnet2_ext.report.systems import Origin, System
from espnet2_ext.ssl.relation import Upstream

SIGNAL, DOWNSTREAM, RECOGNISER = "signal", "downstream", "recogniser"
SET = "test_set"
Items = Mapping[str, tuple[float, ...]]  # id -> what the statistic takes


class Loss(NamedTuple):
    """A value that does not exist: of which utterance and row, and why."""

    utt: str
    row: str
    reason: str


@dataclass(frozen=True)
class Run:
    """The items of one seed (of clean and noisy: the only run), and their origin."""

    statistic: Statistic
    origin: Origin
    source: Path
    items: Items

    @cached_property
    def value(self) -> float | None:
        """The number of this run; ``None`` where there is nothing to judge."""
        if not self.items:
            return None
        value = self.statistic.value(self.array(list(self.items)))
        return None if math.isnan(value) else value

    def array(self, ids: Sequence[str]) -> np.ndarray:
        """Return the items ``ids``, (K, N)."""
        return np.array([self.items[item] for item in ids], dtype=float).T


@dataclass(frozen=True)
class Column:
    """One number for each row, and the difference of any two rows.

    Attributes:
        quantity: key, printed name, unit, direction and decimals.
        kind: ``SIGNAL``, ``DOWNSTREAM`` or ``RECOGNISER``.
        place: ``test_set``, or ``task`` and ``upstream``, for ``results.jsonl``.
        rows: row -> its runs, one for each seed.
        count: how many utterances, words, trials ... are behind a number.
        item_name: what they are.
        counted: the same in words, where some could not be judged.
        judges: the upstreams that it listens through.
        related: the systems whose losses aim at what it listens through.
        supervised: footnote of a distance that is not self-supervised.
        losses: values that do not exist; their utterances count in no row.
        incomplete: row -> "1 of 2 seeds": rows left out, as the mean of some seeds is
            another number.
        skips_empty: whether a difference leaves out items whose denominator is 0.
    """

    quantity: Quantity
    kind: str
    place: Mapping[str, str]
    rows: Mapping[str, tuple[Run, ...]]
    count: int
    item_name: str
    counted: str = ""
    judges: tuple[Upstream, ...] = ()
    related: Related | None = None
    supervised: str = ""
    losses: Sequence[Loss] = ()
    incomplete: Mapping[str, str] = field(default_factory=dict)
    skips_empty: bool = False

    @property
    def label(self) -> str:
        """The printed name beside columns of other test sets."""
        return " ".join([self.quantity.label, *filter(None, [self.place.get(SET)])])

    @property
    def count_text(self) -> str:
        """How many items are behind a number, in words."""
        return self.counted or f"{self.count} {self.item_name}"

    @property
    def is_judge(self) -> bool:
        """Whether it says if speech is still recognised: what decides claims."""
        return self.quantity.role == JUDGE

    @property
    def circular(self) -> bool:
        """Whether it is the very distance that some loss makes small."""
        return self.related is not None and self.quantity.role == FEATURES

    def relation(self, system: str) -> str:
        """Say how it is related to a system's loss: same, family or not at all."""
        return self.related.kinds.get(system, "") if self.related else ""

    @property
    def resamples(self) -> int:
        """Draws of the bootstrap of a difference."""
        runs = (run for found in self.rows.values() for run in found)
        return next((run.statistic.resamples for run in runs), RESAMPLES)

    def runs(self, row: str) -> list[Run]:
        """Return the runs of a row that have a number."""
        return [run for run in self.rows.get(row, ()) if run.value is not None]

    def mean_and_spread(self, row: str) -> tuple[float | None, float | None]:
        """Return the mean over seeds, and their standard deviation if there are two."""
        values = [run.value for run in self.rows.get(row, ()) if run.value is not None]
        if not values:
            return None, None
        spread = statistics.stdev(values) if len(values) > 1 else None
        return statistics.fmean(values), spread

    def select(self, ids: Collection[str]) -> Column:
        """Keep the items ``ids``."""
        rows = {
            name: tuple(
                replace(run, items={i: run.items[i] for i in ids if i in run.items})
                for run in runs
            )
            for name, runs in self.rows.items()
        }
        return replace(self, rows=rows)

    def difference(self, a: str, b: str) -> Difference | None:
        """Return row ``a`` minus row ``b`` over the items of both, seeds averaged."""
        if (a, b) not in self._differences:
            self._differences[a, b] = self._difference(a, b)
        return self._differences[a, b]

    @cached_property
    def _differences(self) -> dict[tuple[str, str], Difference | None]:
        return {}

    def _difference(self, a: str, b: str) -> Difference | None:
        first, second = self.rows.get(a, ()), self.rows.get(b, ())
        if not first or not second:
            return None
        ids = [
            item
            for item, numbers in first[0].items.items()
            if all(item in run.items for run in (*first, *second))
            and (numbers[-1] or not self.skips_empty)
        ]
        if not ids:
            return None
        pair = ([r.array(ids) for r in first], [r.array(ids) for r in second])
        draws = zlib.crc32("\n".join(ids).encode())  # equal items, equal draws
        return paired_difference(first[0].statistic, *pair, seed=draws)

    def worse(self, a: float, b: float) -> bool:
        """Whether the number ``a`` is worse than ``b``."""
        return a < b if self.quantity.higher_is_better else a > b

    def notes(self, label: str) -> list[str]:
        """Write which utterances and rows are left out, and why."""
        seeds = [
            f"{label}: '{row}' has {found}; left out."
            for row, found in self.incomplete.items()
        ]
        return [*_describe(label, self.losses), *seeds]


def complete_rows(
    rows: Mapping[str, Sequence[Run]], systems: Sequence[System]
) -> tuple[dict[str, tuple[Run, ...]], dict[str, str]]:
    """Return the rows with all seeds of their system; and what the others have."""
    seeds = {system.name: len(system.rows) for system in systems}
    found = {name: tuple(runs) for name, runs in rows.items()}
    odd = {name for name, runs in found.items() if len(runs) != seeds.get(name, 1)}
    return (
        {name: runs for name, runs in found.items() if name not in odd},
        {n: f"{len(found[n])} of {seeds[n]} seeds" for n in found if n in odd},
    )


def _describe(label: str, losses: Sequence[Loss]) -> list[str]:
    """Write one note for all rows that have lost the same utterances of a column."""
    by_row: dict[str, dict[str, list[str]]] = {}
    for loss in losses:
        by_row.setdefault(loss.row, {}).setdefault(loss.utt, []).append(loss.reason)
    groups: dict[tuple[str, ...], list[str]] = {}
    for row, found in by_row.items():
        groups.setdefault(tuple(found), []).append(row)
    notes = []
    for utts, rows in groups.items():
        count = sum(len(seeds) for row in rows for seeds in by_row[row].values())
        reasons = by_row[rows[0]]
        named = [f"{utt} ({reasons[utt][0] or 'no reason given'})" for utt in utts]
        of = ", ".join(f"'{row}'" for row in rows)
        notes.append(
            f"{label}: {count} values of {of} do not exist, so no row counts "
            f"{shorten(named)}."
        )
    return notes
