"""The joint table: every condition against every metric, and what got worse."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from espnet2_ext.metrics.result import RESAMPLES, Difference
from espnet2_ext.report.column import DOWNSTREAM, RECOGNISER, SIGNAL, Column
from espnet2_ext.report.systems import CLEAN, NOISY, System
from espnet2_ext.report.tables import (
    CIRCULAR,
    NBSP,
    NONE,
    Cell,
    Table,
    circular_footnote,
    difference_cell,
    number_cell,
)

TITLE = "Joint table"
WORSE_THAN_NOISY, WORSE_THAN_BASELINE = "▼", "▽"
KINDS = {
    SIGNAL: "signal metrics",
    DOWNSTREAM: "downstream tasks",
    RECOGNISER: "recognisers",
}


@dataclass(frozen=True)
class Joint:
    """All columns, and the rows besides clean and noisy, in the order they are shown.

    Attributes:
        columns: signal metrics, then downstream tasks, then recognisers.
        systems: public denoisers, then trained systems.
        baseline: the trained system with which the others are compared.
    """

    columns: tuple[Column, ...]
    systems: tuple[System, ...]
    baseline: str

    @cached_property
    def differences(self) -> dict[tuple[str, str], list[Difference | None]]:
        """Return ``(row, other row) -> one difference per column``.

        Trained systems are compared with the baseline, and every system with noisy.
        """
        others = [s.name for s in self.systems if s.trained and s.name != self.baseline]
        pairs = [(name, self.baseline) for name in others]
        pairs += [(system.name, NOISY) for system in self.systems]
        return {(a, b): [c.difference(a, b) for c in self.columns] for a, b in pairs}

    def worse(self, a: str, b: str) -> list[tuple[Column, Difference]]:
        """List the columns in which the number of ``a`` is worse than that of ``b``."""
        found = zip(self.columns, self.differences.get((a, b), []), strict=False)
        return [(c, d) for c, d in found if d and c.heading.worse(d.value, 0)]


def _header(column: Column) -> str:
    heading = column.heading
    sign = CIRCULAR if heading.circular else ""
    unit = f"({heading.unit}){NBSP}" if heading.unit else ""
    arrow = "↑" if heading.higher_is_better else "↓"
    return f"{heading.label}{sign} {unit}{arrow} {_count(column)}"


def _count(column: Column) -> str:
    return f"[{column.heading.count.replace(' ', NBSP)}]"


def _footnotes(columns: Iterable[Column]) -> list[str]:
    headings = [column.heading for column in columns]
    return [circular_footnote(h.label, h.circular) for h in headings if h.circular]


def _value_row(joint: Joint, name: str) -> tuple[Cell, ...]:
    signs: dict[int, str] = {}
    for other, sign in (
        (NOISY, WORSE_THAN_NOISY),
        (joint.baseline, WORSE_THAN_BASELINE),
    ):
        for column, _ in joint.worse(name, other):
            signs[id(column)] = signs.get(id(column), "") + sign
    cells = [Cell(name)]
    for column in joint.columns:
        cell = number_cell(*column.mean_and_spread(name), column.heading.digits)
        mark = signs.get(id(column))
        cells.append(Cell(f"{cell.text}{NBSP}{mark}", "worse") if mark else cell)
    return tuple(cells)


def _listing(found: Sequence[tuple[Column, Difference]]) -> str:
    return "; ".join(
        f"{column.heading.label}{NBSP}"
        + difference_cell(
            difference, column.heading.digits, column.heading.higher_is_better
        ).text
        for column, difference in found
    )


def worse_notes(joint: Joint) -> list[str]:
    """List, for every row, the cells that got worse, with their intervals."""
    notes = []
    for (a, b), differences in joint.differences.items():
        compared = [d for d in differences if d]
        if found := joint.worse(a, b):
            notes.append(
                f"Worse: {a} than {b} in {len(found)} of {len(compared)} columns: "
                f"{_listing(found)}."
            )
        elif compared:
            notes.append(f"{a} is in no column worse than {b} ({len(compared)}).")
    return notes


def value_table(joint: Joint) -> Table:
    """Build the table of values: clean, noisy, denoisers, systems."""
    names = [CLEAN, NOISY, *(system.name for system in joint.systems)]
    notes = [
        f"{WORSE_THAN_NOISY} the number is worse than that of {NOISY}; "
        f"{WORSE_THAN_BASELINE} worse than that of {joint.baseline}. How sure that is "
        "says the list below: ✘ the interval excludes 0, ≈ it does not.",
        "Tasks are called TASK METRIC UPSTREAM: a probe that reads this upstream, "
        "trained once on clean speech.",
    ]
    seeds = {s.name: len(s.rows) for s in joint.systems if s.trained}
    if any(count > 1 for count in seeds.values()):
        shown = ", ".join(f"{name}: {count}" for name, count in seeds.items())
        notes.append(f"± is the standard deviation over seeds ({shown}).")
    notes += [note for column in joint.columns for note in column.notes]
    return Table(
        TITLE,
        ("", *map(_header, joint.columns)),
        tuple(_value_row(joint, name) for name in names),
        (*notes, *_footnotes(joint.columns), *worse_notes(joint)),
    )


def gap_closed(column: Column, name: str) -> float | None:
    """Return 100 (m - noisy) / (clean - noisy), or ``None`` where there is no gap."""
    value, noisy, clean = (
        column.mean_and_spread(row)[0] for row in (name, NOISY, CLEAN)
    )
    if value is None or noisy is None or clean is None:
        return None
    if not column.heading.worse(noisy, clean):
        return None
    return 100 * (value - noisy) / (clean - noisy)


def gap_table(joint: Joint) -> Table:
    """Build the table of the relative gap closed, with its mean over the tasks."""
    fair = [
        column
        for column in joint.columns
        if column.heading.kind == DOWNSTREAM and not column.heading.circular
    ]
    rows = []
    for system in joint.systems:
        gaps = [gap_closed(column, system.name) for column in joint.columns]
        judged = [gap_closed(column, system.name) for column in fair]
        known = [gap for gap in judged if gap is not None]
        complete = bool(known) and len(known) == len(judged)
        mean = statistics.fmean(known) if complete else None
        cells = [number_cell(gap, None, 1) for gap in (*gaps, mean)]
        rows.append((Cell(system.name), *cells))
    signs = [CIRCULAR if column.heading.circular else "" for column in joint.columns]
    labels = [column.heading.label for column in joint.columns]
    counts = map(_count, joint.columns)
    header = [
        f"{label}{sign} (%){NBSP}↑ {count}"
        for label, sign, count in zip(labels, signs, counts, strict=True)
    ]
    return Table(
        f"{TITLE}: relative gap closed",
        ("", *header, f"mean of tasks (%){NBSP}↑ [{len(fair)}{NBSP}columns]"),
        tuple(rows),
        (
            "100 (m − noisy) / (clean − noisy): 0 is noisy, 100 is clean, negative is "
            f"worse than noisy; {NONE} where clean has no value or is not better.",
            f"The mean is over the downstream columns without {CIRCULAR}.",
            *_footnotes(joint.columns),
        ),
    )


def joint_difference_table(joint: Joint) -> Table:
    """Build the table of differences with 95 % paired-bootstrap intervals."""
    rows = []
    for (a, b), differences in joint.differences.items():
        cells = [
            difference_cell(d, c.heading.digits, c.heading.higher_is_better)
            for c, d in zip(joint.columns, differences, strict=True)
        ]
        rows.append((Cell(f"{a} − {b}"), *cells))
    fewer = [c for c in joint.columns if c.resamples != RESAMPLES]
    draws = "".join(f", {c.resamples} for {c.heading.label}" for c in fewer)
    trials = [c.heading.label for c in joint.columns if c.heading.item_name == "trials"]
    return Table(
        f"{TITLE}: differences",
        ("", *map(_header, joint.columns)),
        tuple(rows),
        (
            "Difference [95 % paired-bootstrap interval over items, seeds averaged "
            "first]: it covers the choice of items, not of seeds. Rates, F1 and EER "
            "are computed anew from the items of every draw "
            f"({RESAMPLES} draws{draws}).",
            "✔ better, ✘ worse, ≈ undecided (0 is inside the interval).",
            *(
                f"{label}: trials that share a recording are drawn as if independent, "
                "so its interval is rather too narrow."
                for label in trials
            ),
            *_footnotes(joint.columns),
        ),
    )


def joint_verdicts(joint: Joint) -> list[str]:
    """Say in one line per comparison how many columns, and which, went which way.

    Columns that the loss of one of the two aims at are not counted.
    """
    lines = []
    for (a, b), differences in joint.differences.items():
        parts = []
        for kind, name in KINDS.items():
            ways: dict[str, list[str]] = {"better": [], "worse": [], "undecided": []}
            for column, found in zip(joint.columns, differences, strict=True):
                heading = column.heading
                if found and heading.kind == kind and heading.independent(a, b):
                    verdict = found.verdict(heading.higher_is_better)
                    ways[verdict].append(heading.label)
            if any(ways.values()):
                counts = ", ".join(
                    f"{len(labels)} {way}"
                    + (f" ({', '.join(labels)})" if way == "worse" and labels else "")
                    for way, labels in ways.items()
                )
                parts.append(f"{name}: {counts}")
        if parts:
            lines.append(f"{a} against {b}: {'; '.join(parts)}.")
    return lines
