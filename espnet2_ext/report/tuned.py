"""Observation adding at its best: the weight of each judge chosen on validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from espnet2_ext.report.cells import NBSP, NONE, SIGNS_NOTE, Cell, Table, number_cell
from espnet2_ext.report.column import SET, Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.tables import column_difference_cell, header

TITLE = "Observation adding, its weight chosen on"


def _name(system: str) -> str:
    return f"{system}+OA*"


@dataclass(frozen=True)
class Tuned:
    """A judge's column of a test set with a row of each system at its best weight.

    Attributes:
        column: the column; its rows ``SYSTEM+OA*`` are those of the chosen weights.
        weights: system -> the weight, "0" for the system alone.
    """

    column: Column
    weights: Mapping[str, str]


def _choices(view: Comparison) -> dict[str, dict[str, str]]:
    """List system -> row -> weight, where a system has rows of observation adding."""
    found: dict[str, dict[str, str]] = {}
    for system in view.systems:
        if system.adds_observation:
            row = found.setdefault(system.of, {system.of: "0"})
            row[system.name] = system.rows[0].weight
    return found


def _best(column: Column, rows: Mapping[str, str]) -> str | None:
    means = {row: column.mean_and_spread(row)[0] for row in rows}
    known = {row: mean for row, mean in means.items() if mean is not None}
    if len(known) < len(rows):
        return None
    sign = 1 if column.quantity.higher_is_better else -1
    return max(known, key=lambda row: sign * known[row])


def tune(view: Comparison, valid: Comparison) -> Iterator[Tuned]:
    """Choose on ``valid`` for each judge of the test sets that judges there, too."""
    judges = {c.quantity.key: c for c in valid.columns if c.is_judge}
    choices = _choices(view)
    for column in view.columns:
        chooser = judges.get(column.quantity.key) if SET in column.place else None
        if chooser is None:
            continue
        best = {system: _best(chooser, rows) for system, rows in choices.items()}
        chosen = {s: row for s, row in best.items() if row in column.rows}
        rows = {_name(s): column.rows[row] for s, row in chosen.items() if row}
        weights = {s: choices[s][row] for s, row in chosen.items() if row}
        yield Tuned(replace(column, rows={**column.rows, **rows}), weights)


def _compared(view: Comparison) -> Iterator[tuple[str, str]]:
    models = [s for s in view.systems if s.has_speech_model and not s.adds_observation]
    free = _name(view.baseline)
    yield free, view.baseline
    for system in models:
        yield system.name, free
        yield _name(system.name), free


def tuned_table(view: Comparison, valid: Comparison) -> Table | None:
    """Build the table; None, where nothing can be chosen."""
    found = [tuned for tuned in tune(view, valid) if tuned.weights]
    if not found:
        return None
    plain = [s for s in view.systems if not s.adds_observation]
    rows = [
        (Cell(_name(s.name)), *(_value(tuned, s.name) for tuned in found))
        for s in plain
        if any(s.name in tuned.weights for tuned in found)
    ]
    rows += [
        (
            Cell(f"{a} − {b}"),
            *(
                column_difference_cell(t.column, t.column.difference(a, b))
                for t in found
            ),
        )
        for a, b in _compared(view)
    ]
    return Table(
        f"{TITLE} {valid.title}",
        ("", *(header(tuned.column, tuned.column.label) for tuned in found)),
        tuple(rows),
        (
            f"In brackets: the weight of the noisy speech that is best on "
            f"{valid.title} for this judge; 0 is the system alone.",
            SIGNS_NOTE,
        ),
    )


def _value(tuned: Tuned, system: str) -> Cell:
    if system not in tuned.weights:
        return Cell(NONE)
    column = tuned.column
    mean, spread = column.mean_and_spread(_name(system))
    cell = number_cell(mean, spread, column.quantity.digits)
    return Cell(f"{cell.text}{NBSP}[{tuned.weights[system]}]")
