"""The first page: the main columns, and who helps, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2_ext.metrics.quantity import WER_PREFIX
from espnet2_ext.report.cells import NBSP, VERDICT_SIGNS, Cell, Table, number_cell
from espnet2_ext.report.column import DOWNSTREAM, Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import CLEAN, NOISY
from espnet2_ext.report.tables import header, mean_gap, value_cells
from espnet2_ext.report.verdict import headlines

TITLE = "Summary"
MAIN_KEYS = ("SI_SNR",)  # and word error rates
MAX_COLUMNS = 6  # that fit on a screen


def _is_main(column: Column) -> bool:
    key = column.quantity.key
    return not column.circular and (key in MAIN_KEYS or key.startswith(WER_PREFIX))


def _row(columns: Sequence[Column], tasks: Sequence[Column], name: str) -> list[Cell]:
    """Print the numbers of a row, each with the sign of its difference to noisy."""
    cells = [Cell(name)]
    for column, cell in zip(columns, value_cells(columns, name), strict=True):
        found = None if name in (CLEAN, NOISY) else column.difference(name, NOISY)
        if found is None:
            cells.append(cell)
        else:
            verdict = found.verdict(column.quantity.higher_is_better)
            text = f"{cell.text}{NBSP}{VERDICT_SIGNS[verdict]}"
            cells.append(Cell(text, verdict))
    if tasks:
        cells.append(number_cell(mean_gap(tasks, name), None, 1))
    return cells


def summary_table(sets: Sequence[Comparison], whole: Comparison) -> Table:
    """Build the table of the main columns of everything that was measured.

    Args:
        sets: one for each test set.
        whole: of all columns.
    """
    main = [column for column in whole.columns if _is_main(column)]
    columns = main[:MAX_COLUMNS]
    tasks = [c for c in whole.columns if c.kind == DOWNSTREAM and not c.circular]
    headers = [
        header(c, c.label if len(sets) > 1 else c.quantity.label) for c in columns
    ]
    if tasks:
        headers.append(f"tasks: gap closed (%){NBSP}↑")
    notes = [
        f"Against {NOISY}: ✔ better, ✘ worse, ≈ undecided (0 is inside the 95 % "
        "interval). Columns that a loss aims at are left out."
    ]
    if len(main) > len(columns):
        rest = ", ".join(column.label for column in main[MAX_COLUMNS:])
        notes.append(f"In the tables below: {rest}.")
    if tasks:
        notes.append(
            f"Gap closed: mean of {len(tasks)} downstream columns, 0 is {NOISY}, 100 "
            f"is {CLEAN}."
        )
    rows = (tuple(_row(columns, tasks, name)) for name in whole.rows)
    return Table(TITLE, ("", *headers), tuple(rows), tuple(notes))


def summary_lines(sets: Sequence[Comparison]) -> list[str]:
    """Say in one line per comparison and test set whether it helps recognition."""
    return [f"{view.title}: {line}." for view in sets for line in headlines(view)]
