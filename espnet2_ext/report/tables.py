"""Build the tables as values; Markdown and HTML only print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from espnet2_ext.metrics.result import Difference
from espnet2_ext.metrics.statistic import RESAMPLES
from espnet2_ext.report.cells import (
    NBSP,
    PIPELINE_SIGN,
    SIGNS_NOTE,
    Cell,
    Table,
    difference_cell,
    number_cell,
)
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.sources.scores import SUPERVISED
from espnet2_ext.report.systems import CLEAN, NOISY

CIRCULAR = "‡"
WORSE_THAN_NOISY, WORSE_THAN_BASELINE = "▼", "▽"
BY_SNR_KEYS = ("SI_SNR", "PESQ_WB", "ESTOI", "OVRL", "P808")
CLAIMS_NOTE = (
    "Pipeline: judges that listen through a model in the loss of some row (†). "
    "Transfer: judges that no loss knows. Each only where it is shown to hear that "
    "clean speech is better than noisy, and counted by how sharply: by the square of "
    "the gap between noisy and clean over its standard error."
)
INTERVAL_NOTE = (
    "Difference [95 % paired-bootstrap interval]: it covers the choice of {items} "
    "and, where a row has several, of seeds."
)


def header(column: Column, label: str, signs: str = "") -> str:
    """Write what stands above a column: label, signs of footnotes, unit, arrow."""
    unit = f"({column.quantity.unit}){NBSP}" if column.quantity.unit else ""
    return f"{label}{signs} {unit}{column.quantity.arrow}"


def count_of(column: Column) -> str:
    """Write how many words or utterances a number is from."""
    return f"[{column.count_text.replace(' ', NBSP)}]"


def signs_of(column: Column) -> str:
    """Return the signs of the footnotes of a column."""
    return relation_sign(column) + (SUPERVISED if column.supervised else "")


def relation_sign(column: Column) -> str:
    """Return the sign of a column that a loss aims at, or listens through."""
    if column.related is None:
        return ""
    return CIRCULAR if column.circular else PIPELINE_SIGN


def _relation_notes(labelled: Iterable[tuple[str, Column]]) -> list[str]:
    notes = []
    for label, column in labelled:
        if column.circular:
            notes.append(
                f"{CIRCULAR} {label}: {column.related}, so it is no evidence at all."
            )
        elif column.related:
            notes.append(
                f"{PIPELINE_SIGN} {label}: {column.related}: it judges the pipeline, "
                "not transfer."
            )
    return notes


def footnotes(view: Comparison) -> list[str]:
    """Write the footnotes of all signs in the header."""
    if view.joint:
        return _relation_notes((column.label, column) for column in view.columns)
    return [
        note
        for column in view.columns
        for note in (
            *_relation_notes([(column.quantity.label, column)]),
            column.supervised,
        )
        if note
    ]


def _headers(view: Comparison, counts: bool) -> list[str]:
    """Write the header of the columns of a test set, or of the joint table."""
    return [
        (
            header(column, column.label, relation_sign(column))
            if view.joint
            else header(column, column.quantity.label, signs_of(column))
        )
        + (f" {count_of(column)}" if counts else "")
        for column in view.columns
    ]


def value_cells(columns: Iterable[Column], row: str) -> list[Cell]:
    """Print the numbers of a row."""
    return [number_cell(*c.mean_and_spread(row), c.quantity.digits) for c in columns]


def left_out_notes(columns: Iterable[Column]) -> list[str]:
    """Write which utterances have no value in some row, and so count in none."""
    return [note for column in columns for note in column.notes(column.quantity.label)]


def _seeds_note(view: Comparison) -> list[str]:
    seeds = ", ".join(f"{name}: {count}" for name, count in view.seeds.items())
    shown = any(len(system.rows) > 1 for system in view.systems)
    return [f"± is the standard deviation over seeds ({seeds})."] if shown else []


def main_table(view: Comparison) -> Table:
    """Build the pooled table of a test set: clean, noisy, then every system."""
    notes = [*footnotes(view), *_seeds_note(view)]
    notes.append("Word error rates are pooled: all errors over all reference words.")
    if not any(CLEAN in column.rows for column in view.columns):
        notes.append("Clean speech was not scored.")
    elif any(c.quantity.key in ("SI_SNR", "SDR") for c in view.columns):
        notes.append("Clean equals its reference: it has no SI-SNR and no SDR.")
    return Table(
        f"{view.title}: all utterances",
        ("", *_headers(view, counts=True)),
        tuple((Cell(row), *value_cells(view.columns, row)) for row in view.rows),
        (*notes, *left_out_notes(view.columns)),
    )


def breakdown_table(
    view: Comparison, name: str, groups: Mapping[str, Sequence[str]]
) -> Table:
    """Build the table of the rates and main metrics of each group of utterances.

    Args:
        view: of one test set.
        name: what the utterances are grouped by.
        groups: printed name -> ids.
    """
    columns = [c for c in view.columns if c.is_judge or c.quantity.key in BY_SNR_KEYS]
    rows = []
    for label, utts in groups.items():
        part = [column.select(utts) for column in columns]
        group = Cell(f"{label} [{len(utts)} utt]")
        rows += [(group, Cell(row), *value_cells(part, row)) for row in view.rows]
    labels = [(column.quantity.label, column) for column in columns]
    signs = (relation_sign(column) for column in columns)
    headers = (header(c, n, sign) for (n, c), sign in zip(labels, signs, strict=True))
    return Table(
        f"{view.title}: by {name}",
        (name, "", *headers),
        tuple(rows),
        (*_relation_notes(labels), *left_out_notes(columns)),
    )


def column_difference_cell(column: Column, found: Difference | None) -> Cell:
    """Print a difference with the decimals and the direction of its column."""
    quantity = column.quantity
    return difference_cell(found, quantity.digits, quantity.higher_is_better)


def difference_table(view: Comparison) -> Table:
    """Build the table of differences with 95 % paired-bootstrap intervals."""
    rows = []
    for a, b in view.pairs:
        cells = [
            column_difference_cell(column, column.difference(a, b))
            if view.is_compared(column, b)
            else Cell("")
            for column in view.columns
        ]
        rows.append((Cell(f"{a} − {b}"), *cells))
    return Table(
        f"{view.title}: differences",
        ("", *_headers(view, counts=view.joint)),
        tuple(rows),
        (*_difference_notes(view), *footnotes(view)),
    )


def _difference_notes(view: Comparison) -> list[str]:
    if not view.joint:
        return [INTERVAL_NOTE.format(items="utterances"), SIGNS_NOTE]
    draws = "".join(
        f", {column.resamples} for {column.label}"
        for column in view.columns
        if column.resamples != RESAMPLES
    )
    trials = [c.label for c in view.columns if c.item_name == "trials"]
    return [
        f"{INTERVAL_NOTE.format(items='items')} Rates, F1 and EER are computed anew "
        f"from the items of every draw ({RESAMPLES} draws{draws}).",
        SIGNS_NOTE,
        *(
            f"{label}: trials that share a recording are drawn as if independent, so "
            "its interval is rather too narrow."
            for label in trials
        ),
    ]


def _marked_row(view: Comparison, name: str) -> tuple[Cell, ...]:
    signs: dict[int, str] = {}
    for other, sign in (
        (NOISY, WORSE_THAN_NOISY),
        (view.baseline, WORSE_THAN_BASELINE),
    ):
        for column, _ in view.worse(name, other):
            signs[id(column)] = signs.get(id(column), "") + sign
    cells = [Cell(name)]
    values = value_cells(view.columns, name)
    for column, cell in zip(view.columns, values, strict=True):
        mark = signs.get(id(column))
        cells.append(Cell(f"{cell.text}{NBSP}{mark}", "worse") if mark else cell)
    return tuple(cells)


def worse_notes(view: Comparison) -> list[str]:
    """List, for every row, the cells that got worse, with their intervals."""
    notes = []
    for a, b in view.pairs:
        count = len(list(view.differences(a, b)))
        found = view.worse(a, b)
        listing = "; ".join(
            f"{column.label}{NBSP}{column_difference_cell(column, difference).text}"
            for column, difference in found
        )
        if found:
            notes.append(
                f"Worse: {a} than {b} in {len(found)} of {count} columns: {listing}."
            )
        elif count:
            notes.append(f"{a} is in no column worse than {b} ({count}).")
    return notes


def joint_table(view: Comparison) -> Table:
    """Build the table of all values, with marks where a system got worse."""
    notes = [
        f"{WORSE_THAN_NOISY} the number is worse than that of {NOISY}; "
        f"{WORSE_THAN_BASELINE} worse than that of {view.baseline}. The list below "
        "gives the uncertainty: ✘ the interval excludes 0, ≈ it does not.",
        "Tasks are called TASK METRIC UPSTREAM: a probe that reads this upstream, "
        "trained once on clean speech.",
        *_seeds_note(view),
        *(note for column in view.columns for note in column.notes(column.label)),
    ]
    return Table(
        view.title,
        ("", *_headers(view, counts=True)),
        tuple(_marked_row(view, name) for name in view.rows),
        (*notes, *footnotes(view), *worse_notes(view)),
    )
