"""The first page: the main columns, and who helps, on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2_ext.metrics.quantity import QUALITY
from espnet2_ext.report.cells import (
    NBSP,
    NONE,
    PIPELINE_SIGN,
    SIGNS_NOTE,
    VERDICT_SIGNS,
    Cell,
    Table,
    difference_cell,
    number_cell,
)
from espnet2_ext.report.claims import KEYS, Claim, find_claims, judges_of, share_closed
from espnet2_ext.report.column import DOWNSTREAM, Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import CLEAN, NOISY
from espnet2_ext.report.tables import (
    BY_SNR_KEYS,
    CLAIMS_NOTE,
    column_difference_cell,
    header,
    relation_sign,
    value_cells,
)

TITLE = "Summary"
MAIN_KEYS = ("SI_SNR", "PESQ_WB")  # and what recognises
MAX_COLUMNS = 6  # that fit on a screen


def _is_main(column: Column) -> bool:
    judge = column.is_judge and column.kind != DOWNSTREAM
    return judge or column.quantity.key in MAIN_KEYS


def _row(
    columns: Sequence[Column], claims: Sequence[Sequence[Column]], name: str
) -> list[Cell]:
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
    return cells + [number_cell(share_closed(c, name), None, 1) for c in claims]


def summary_table(sets: Sequence[Comparison], whole: Comparison) -> Table:
    """Build the table of the main columns of everything that was measured.

    Args:
        sets: one for each test set.
        whole: of all columns.
    """
    main = [column for column in whole.columns if _is_main(column)]
    columns = main[:MAX_COLUMNS]
    claims = judges_of(whole)
    headers = [
        header(c, c.label if len(sets) > 1 else c.quantity.label, relation_sign(c))
        for c in columns
    ]
    headers += [f"{' '.join(key)} (%){NBSP}↑" for key in claims]
    notes = [
        f"Against {NOISY}: ✔ better, ✘ worse, ≈ undecided (0 is inside the 95 % "
        "interval)."
    ]
    if len(main) > len(columns):
        rest = ", ".join(column.label for column in main[MAX_COLUMNS:])
        notes.append(f"In the tables below: {rest}.")
    notes.append(
        f"{CLAIMS_NOTE} In %: how much of this gap a row closes; 0 is {NOISY}, 100 is "
        f"{CLEAN}."
    )
    notes += [f"{' '.join(key)}: {_names(found)}." for key, found in claims.items()]
    rows = (tuple(_row(columns, list(claims.values()), name)) for name in whole.rows)
    return Table(TITLE, ("", *headers), tuple(rows), tuple(notes))


def _names(judges: Sequence[Column]) -> str:
    return ", ".join(column.label for column in judges) or "none"


def claim_table(view: Comparison) -> Table:
    """Build the table of the claims, and of the price, for each pair of rows.

    The price is that on the first test set.
    """
    quality = [c for c in view.columns if c.quantity.role == QUALITY]
    place = quality[0].place if quality else None
    price = [c for c in quality if c.quantity.key in BY_SNR_KEYS and c.place == place]
    found = {pair: find_claims(view, *pair) for pair in view.pairs}
    keys = [key for key in KEYS if any(key in claims for claims in found.values())]
    rows = []
    for (a, b), claims in found.items():
        cells = [_claim_cell(claims.get(key)) for key in keys]
        cells += [column_difference_cell(c, c.difference(a, b)) for c in price]
        rows.append((Cell(f"{a} − {b}"), *cells))
    headers = (f"{' '.join(key)} (% of the gap){NBSP}↑ [judges]" for key in keys)
    shown = sum(1 for a, b in view.pairs for _ in view.differences(a, b))
    return Table(
        "Claims, and their price",
        ("", *headers, *(header(c, c.quantity.label) for c in price)),
        tuple(rows),
        (
            f"Pipeline: judges ({PIPELINE_SIGN}) that listen through a model in the "
            "loss of the first row, or, where neither has one, of another. Transfer: "
            "judges that neither loss knows. By how much more one row closes their "
            "gaps between noisy and clean, in % [95 % paired-bootstrap interval over "
            "what they judged and over seeds].",
            SIGNS_NOTE,
            f"{shown} differences are in this report: were all of them 0, about "
            f"{0.05 * shown:.0f} intervals would exclude 0.",
        ),
    )


def _claim_cell(claim: Claim | None) -> Cell:
    if claim is None:
        return Cell(NONE)
    cell = difference_cell(claim.difference, 1, higher_is_better=True)
    return Cell(f"{cell.text} [{len(claim.judges)}]", cell.verdict)
