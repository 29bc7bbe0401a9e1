"""The report as a value: tables, verdicts and provenance; and its Markdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from espnet2_ext.report.breakdown import read_groups
from espnet2_ext.report.cells import Table
from espnet2_ext.report.comparison import Comparison, compare_set
from espnet2_ext.report.gaps import gap_table
from espnet2_ext.report.sources.scores import ScoredSet
from espnet2_ext.report.summary import TITLE, claim_table, summary_table
from espnet2_ext.report.tables import (
    breakdown_table,
    difference_table,
    joint_table,
    main_table,
)
from espnet2_ext.report.tuned import tuned_table
from espnet2_ext.report.verdict import headlines, verdicts

TERMINAL = 200  # characters in a line; the signal metrics of one test set fit


@dataclass(frozen=True)
class Section:
    """What the report says about one test set, or about all that was measured.

    ``tables[0]`` is the one for the terminal.
    """

    name: str
    tables: tuple[Table, ...]
    verdicts: tuple[str, ...]


@dataclass(frozen=True)
class Document:
    """The whole report without pictures and sound."""

    command: str
    provenance: tuple[str, ...]
    sections: tuple[Section, ...]

    def add(self, section: Section) -> Document:
        """Return the document with a further section at its end."""
        return replace(self, sections=(*self.sections, section))


def build_section(scored: ScoredSet, view: Comparison, by: Sequence[str]) -> Section:
    """Build all tables and verdicts of one test set.

    Args:
        scored: of the set.
        view: its columns and rows.
        by: files ``utt2*`` by whose values the utterances are grouped.
    """
    tables = [main_table(view)]
    for file in by:
        if found := read_groups(scored.data, scored.utts, file):
            tables.append(breakdown_table(view, *found))
    tables.append(difference_table(view))
    return Section(view.title, tuple(tables), tuple(verdicts(view)))


def build_validation(scored: ScoredSet, whole: Comparison) -> Section:
    """Build the tables of the validation set: choices rest on it, so no verdicts.

    Args:
        scored: of the set.
        whole: everything else that was measured, for what is chosen here.
    """
    view = compare_set(scored, whole.systems, whole.baseline)
    tables = [main_table(view), difference_table(view)]
    if chosen := tuned_table(whole, view):
        tables.append(chosen)
    return Section(f"{view.title} (validation)", tuple(tables), ())


def build_summary(sets: Sequence[Comparison], whole: Comparison) -> Section:
    """Build the first page, of all that was measured; each set has its own section."""
    tables = summary_table(sets, whole), claim_table(whole)
    return Section(TITLE, tables, tuple(headlines(whole)))


def build_joint_section(view: Comparison) -> Section:
    """Build the tables of everything that was measured."""
    tables = joint_table(view), gap_table(view), difference_table(view)
    return Section(view.title, tables, tuple(verdicts(view)))


def _width(text: str) -> int:
    return sum(
        2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
        if not unicodedata.combining(char)
    )


def table_to_markdown(table: Table) -> str:
    """Print a table with aligned columns: Markdown that also reads as plain text."""
    grid = [table.header, *(tuple(cell.text for cell in row) for row in table.rows)]
    grid = [tuple(text.replace("|", "\\|") for text in row) for row in grid]
    widths = [max(3, *(_width(row[i]) for row in grid)) for i in range(len(grid[0]))]

    def line(row: Sequence[str]) -> str:
        padded = (t + " " * (w - _width(t)) for t, w in zip(row, widths, strict=True))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(grid[0]), rule, *(line(row) for row in grid[1:])])


def split_table(table: Table, width: int) -> list[Table]:
    """Split the columns into tables of at most ``width`` characters, names repeated."""
    columns = range(len(table.header))
    widths = [
        max(
            3, *(_width(t) for t in (table.header[i], *(r[i].text for r in table.rows)))
        )
        + 3
        for i in columns
    ]
    parts: list[list[int]] = [[]]
    room = width - widths[0]
    for i in columns[1:]:
        if parts[-1] and room < widths[i]:
            parts.append([])
            room = width - widths[0]
        parts[-1].append(i)
        room -= widths[i]
    return [
        Table(
            table.title,
            tuple(table.header[i] for i in (0, *part)),
            tuple(tuple(row[i] for i in (0, *part)) for row in table.rows),
            table.notes,
        )
        for part in parts
    ]


def to_markdown(document: Document) -> str:
    """Print the document as Markdown."""
    parts = ["# Results", "Made by:", f"```\n{document.command}\n```"]
    parts.append("\n".join(f"- {line}" for line in document.provenance))
    for section in document.sections:
        parts.append(f"## {section.name}")
        parts.append("\n".join(f"- **{line}**" for line in section.verdicts))
        for table in section.tables:
            parts.append(f"### {table.title}")
            parts.append(table_to_markdown(table))
            parts.append("\n".join(f"- {note}" for note in table.notes))
    return "\n\n".join(part for part in parts if part) + "\n"


def to_plain(document: Document) -> str:
    """Print the pooled tables for a terminal, the summary and its verdicts last."""
    summary, *others = document.sections
    parts = [_plain(section.tables[0]) for section in (*others, summary)]
    return "\n\n".join([*parts, "\n".join(summary.verdicts)])


def _plain(table: Table) -> str:
    notes = (f"  {note}" for note in table.notes)
    grids = "\n\n".join(map(table_to_markdown, split_table(table, TERMINAL)))
    return "\n".join([table.title, grids, *notes])
