"""Build the tables as values; Markdown and HTML only print them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.quantity import SSL_PREFIX, WER_PREFIX, Quantity
from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.common import describe
from espnet2_ext.report.evidence import Circular, circular
from espnet2_ext.report.results import Row, TestSet, difference
from espnet2_ext.report.systems import CLEAN, NOISY, System
from espnet2_ext.ssl.relation import Upstream, families

CIRCULAR = "‡"
SUPERVISED = "§"
SUPERVISED_FAMILIES = {"whisper"}  # trained with transcripts
NONE = "-"
NBSP = "\u00a0"  # keeps units and intervals on one line of the page
VERDICT_SIGNS = {"better": "✔", "worse": "✘", "undecided": "≈"}
BY_SNR_KEYS = ("SI_SNR", "PESQ_WB", "ESTOI", "OVRL")
# Secondary outputs: in scores.jsonl, but not columns of the main table.
HIDDEN_KEYS = ("STOI", "SIG", "BAK")
DIFFERENCE_NOTES = (
    "Difference [95 % paired-bootstrap interval over utterances, seeds averaged "
    "first]: it covers the choice of utterances, not of seeds.",
    "✔ better, ✘ worse, ≈ undecided (0 is inside the interval).",
)


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


Marks = dict[str, list[tuple[str, str]]]  # column key -> signs and their footnotes


def judge_of(test_set: TestSet, quantity: Quantity) -> tuple[str, list[Upstream]]:
    """Say what of a quantity a loss may aim at, and the upstreams it is heard with."""
    if quantity.is_error_count:
        encoder = RECOGNISERS[quantity.key.removeprefix(WER_PREFIX)].encoder
        return "its encoder", [Upstream(encoder)] if encoder else []
    measure = test_set.upstreams.get(quantity.key)
    return "this distance", [measure] if measure else []


def circular_reasons(
    test_set: TestSet, systems: Sequence[System]
) -> dict[str, Circular]:
    """Return column key -> why it is no independent evidence, where a loss aims at it.

    These are the word error rates of a recogniser whose encoder is in a loss, and the
    distances measured with an upstream that is in a loss.
    """
    losses = {system.name: system.upstreams for system in systems}
    reasons = {}
    for quantity in test_set.quantities:
        if found := circular(*judge_of(test_set, quantity), losses):
            reasons[quantity.key] = found
    return reasons


def circular_footnote(label: str, reason: Circular) -> str:
    """Write the footnote of a column that a loss aims at."""
    return f"{CIRCULAR} {label}: {reason}, so it is not independent evidence."


def dependent_columns(test_set: TestSet, systems: Sequence[System]) -> Marks:
    """Return the footnotes of `circular_reasons`."""
    labels = {quantity.key: quantity.label for quantity in test_set.quantities}
    return {
        key: [(CIRCULAR, circular_footnote(labels[key], reason))]
        for key, reason in circular_reasons(test_set, systems).items()
    }


def column_marks(test_set: TestSet, systems: Sequence[System]) -> Marks:
    """Return all footnotes: `dependent_columns`, and supervised encoders."""
    marks = dependent_columns(test_set, systems)
    for key, upstream in test_set.upstreams.items():
        if families(upstream.name) & SUPERVISED_FAMILIES:
            note = (
                f"{SUPERVISED} SSL {key.removeprefix(SSL_PREFIX)}: a supervised "
                "encoder as representation loss, not self-supervised."
            )
            marks.setdefault(key, []).append((SUPERVISED, note))
    return marks


def _footnotes(marks: Marks, columns: Sequence[Quantity]) -> list[str]:
    return [note for q in columns for _, note in marks.get(q.key, [])]


def shown_quantities(test_set: TestSet) -> list[Quantity]:
    """Return the columns of the main table."""
    return [q for q in test_set.quantities if q.key not in HIDDEN_KEYS]


def column_header(quantity: Quantity, marks: Marks) -> str:
    """Write what stands above a column: label, signs of footnotes, unit, arrow."""
    signs = "".join(sign for sign, _ in marks.get(quantity.key, []))
    unit = f"({quantity.unit}){NBSP}" if quantity.unit else ""
    return f"{quantity.label}{signs} {unit}{quantity.arrow}"


def column_header_with_count(
    test_set: TestSet, quantity: Quantity, marks: Marks
) -> str:
    """Write `column_header`, and how many words or utterances a number is from."""
    count = test_set.count_text(quantity).replace(" ", NBSP)
    return f"{column_header(quantity, marks)} [{count}]"


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


def _value_cells(row: Row, quantities: Sequence[Quantity]) -> list[Cell]:
    return [number_cell(*row.mean_and_spread(q.key), q.digits) for q in quantities]


def excluded_notes(test_set: TestSet, columns: Sequence[Quantity]) -> list[str]:
    """Write which utterances have no value in some row, and so count in none."""
    return [
        note
        for quantity in columns
        for note in describe(quantity.label, test_set.losses.get(quantity.key, ()))
    ]


def main_table(test_set: TestSet, systems: Sequence[System]) -> Table:
    """Build the pooled table: clean, noisy, then every system."""
    marks = column_marks(test_set, systems)
    columns = shown_quantities(test_set)
    notes = _footnotes(marks, columns)
    if any(len(row.runs) > 1 for row in test_set.rows):
        seeds = ", ".join(f"{s.name}: {len(s.rows)}" for s in systems if s.trained)
        notes.append(f"± is the standard deviation over seeds ({seeds}).")
    notes.append("Word error rates are pooled: all errors over all reference words.")
    if not test_set.row(CLEAN).runs:
        notes.append("Clean speech was not scored.")
    elif any(q.key in ("SI_SNR", "SDR") for q in columns):
        notes.append("Clean equals its reference: it has no SI-SNR and no SDR.")
    return Table(
        f"{test_set.name}: all utterances",
        ("", *(column_header_with_count(test_set, q, marks) for q in columns)),
        tuple((Cell(r.name), *_value_cells(r, columns)) for r in test_set.rows),
        (*notes, *excluded_notes(test_set, columns)),
    )


def _snr_order(snr: str) -> tuple[float, str]:
    try:
        return float(snr), snr
    except ValueError:
        return float("inf"), snr


def snr_table(test_set: TestSet, systems: Sequence[System]) -> Table | None:
    """Build the table by input SNR, or return ``None`` without ``utt2snr``."""
    utts = [utt for utt in test_set.utts if utt in test_set.utt2snr]
    if not utts:
        return None
    marks = dependent_columns(test_set, systems)
    columns = [
        q for q in test_set.quantities if q.is_error_count or q.key in BY_SNR_KEYS
    ]
    rows = []
    for snr in sorted({test_set.utt2snr[utt] for utt in utts}, key=_snr_order):
        part = test_set.select([utt for utt in utts if test_set.utt2snr[utt] == snr])
        for row in part.rows:
            label = f"{snr} dB [{len(part.utts)} utt]"
            rows.append((Cell(label), Cell(row.name), *_value_cells(row, columns)))
    header = [column_header(q, marks) for q in columns]
    return Table(
        f"{test_set.name}: by input SNR",
        ("input SNR", "", *header),
        tuple(rows),
        (*_footnotes(marks, columns), *excluded_notes(test_set, columns)),
    )


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


def comparisons(
    test_set: TestSet, baseline: str
) -> list[tuple[Row, Row, list[Quantity]]]:
    """List what is compared: systems with the baseline, and with noisy for the WER.

    Public denoisers are compared with noisy only.
    """
    columns = shown_quantities(test_set)
    rates = [q for q in columns if q.is_error_count]
    systems = [r for r in test_set.rows if r.name not in (CLEAN, NOISY)]
    reference, noisy = test_set.row(baseline), test_set.row(NOISY)
    with_baseline = [
        (r, reference, columns) for r in systems if r.trained and r.name != baseline
    ]
    return with_baseline + [(row, noisy, rates) for row in systems if rates]


def difference_table(
    test_set: TestSet, systems: Sequence[System], baseline: str
) -> Table:
    """Build the table of differences with 95 % paired-bootstrap intervals."""
    marks = column_marks(test_set, systems)
    columns = shown_quantities(test_set)
    rows = []
    for a, b, compared in comparisons(test_set, baseline):
        cells = [
            difference_cell(difference(a, b, q.key), q.digits, q.higher_is_better)
            if q in compared
            else Cell("")
            for q in columns
        ]
        rows.append((Cell(f"{a.name} − {b.name}"), *cells))
    return Table(
        f"{test_set.name}: differences",
        ("", *(column_header(q, marks) for q in columns)),
        tuple(rows),
        (
            *DIFFERENCE_NOTES,
            *_footnotes(marks, columns),
        ),
    )
