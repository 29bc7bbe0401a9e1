"""Tables as values, and how numbers are printed in them."""

from __future__ import annotations

from dataclasses import dataclass

from espnet2_ext.metrics.result import Difference

NONE = "-"
PIPELINE_SIGN = "†"  # a judge that listens through a model in some loss
NBSP = "\u00a0"  # keeps units and intervals on one line of the page
VERDICT_SIGNS = {"better": "✔", "worse": "✘", "undecided": "≈"}
SIGNS_NOTE = "✔ better, ✘ worse, ≈ undecided (0 is inside the interval)."


@dataclass(frozen=True)
class Cell:
    """Text of a cell and, in a table of differences, its verdict."""

    text: str
    verdict: str = ""


@dataclass(frozen=True)
class Table:
    """A table: a title, a header, rows of cells, and notes below it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]


def fixed(value: float, digits: int, sign: str = "") -> str:
    """Print with ``digits`` decimals; what rounds to zero has no sign."""
    rounded = round(value, digits)
    return f"{rounded:{sign}.{digits}f}" if rounded else f"{0:.{digits}f}"


def number_cell(value: float | None, spread: float | None, digits: int) -> Cell:
    """Print a mean and, where there is one, its spread over seeds."""
    if value is None:
        return Cell(NONE)
    text = fixed(value, digits)
    return Cell(text if spread is None else f"{text} ± {fixed(spread, digits)}")


def difference_cell(
    found: Difference | None, digits: int, higher_is_better: bool
) -> Cell:
    """Print a difference with its interval and the sign of its verdict."""
    if found is None:
        return Cell(NONE)
    verdict = found.verdict(higher_is_better)
    text = fixed(found.value, digits, "+")
    if found.low is not None and found.high is not None:
        low, high = (fixed(end, digits, "+") for end in (found.low, found.high))
        text += f" [{low},{NBSP}{high}]"
    return Cell(f"{text}{NBSP}{VERDICT_SIGNS[verdict]}", verdict)
