"""How much of the gap between noisy and clean each system closes, column by column."""

from __future__ import annotations

from espnet2_ext.report.cells import NBSP, NONE, Cell, Table, number_cell
from espnet2_ext.report.claims import judges_of, share_closed
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import CLEAN, NOISY
from espnet2_ext.report.tables import CLAIMS_NOTE, count_of, footnotes, relation_sign


def gap_closed(column: Column, name: str) -> float | None:
    """Return 100 (m - noisy) / (clean - noisy), or ``None`` where there is no gap."""
    value, noisy, clean = (
        column.mean_and_spread(row)[0] for row in (name, NOISY, CLEAN)
    )
    if value is None or noisy is None or clean is None:
        return None
    if not column.worse(noisy, clean):
        return None
    return 100 * (value - noisy) / (clean - noisy)


def gap_table(view: Comparison) -> Table:
    """Build the table of the relative gap closed, with its mean over the tasks."""
    claims = judges_of(view)
    rows = []
    for system in view.systems:
        gaps = [gap_closed(column, system.name) for column in view.columns]
        shares = (share_closed(found, system.name) for found in claims.values())
        numbers = (*gaps, *shares)
        rows.append((Cell(system.name), *(number_cell(n, None, 1) for n in numbers)))
    headers = (
        f"{column.label}{relation_sign(column)} (%){NBSP}↑ {count_of(column)}"
        for column in view.columns
    )
    return Table(
        f"{view.title}: relative gap closed",
        (
            *("", *headers),
            *(
                f"{' '.join(key)} (%){NBSP}↑ [{len(found)}{NBSP}judges]"
                for key, found in claims.items()
            ),
        ),
        tuple(rows),
        (
            "100 (m − noisy) / (clean − noisy): 0 is noisy, 100 is clean, negative is "
            f"worse than noisy; {NONE} where clean has no value or is not better.",
            CLAIMS_NOTE,
            *footnotes(view),
        ),
    )
