"""Problems of data, and lists that are read without stopping at an error."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A defect, its place, and what to do.

    Attributes:
        file: the list with the defect.
        line: line number from 1; 0 for the whole file.
        utt: utterance id; "-" if there is none.
        kind: short name of the defect.
        found, expected, do: the three parts of the message.
        warning: True if the data can still be used.
    """

    file: str
    line: int
    utt: str
    kind: str
    found: str
    expected: str
    do: str
    warning: bool = False

    def __str__(self) -> str:
        level = "warning: " if self.warning else ""
        return (
            f"{self.file}:{self.line}: {self.utt}: {level}found {self.found}; "
            f"expected {self.expected}; {self.do}"
        )


@dataclass(frozen=True)
class Place:
    """A line of a list, and the utterance in it; see `Problem` for the fields."""

    file: str
    line: int = 0
    utt: str = "-"

    def problem(
        self, kind: str, *, found: str, expected: str, do: str, warning: bool = False
    ) -> Problem:
        """Make a `Problem` of this place."""
        return Problem(
            file=self.file,
            line=self.line,
            utt=self.utt,
            kind=kind,
            found=found,
            expected=expected,
            do=do,
            warning=warning,
        )


@dataclass
class Table:
    """An ``ID VALUE`` list in file order, with its errors.

    Attributes:
        path: as given, for messages.
        entries: (line, id, value); an id may occur twice.
        problems: defects of single lines.
    """

    path: str
    entries: list[tuple[int, str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def first_lines(self) -> dict[str, tuple[int, str]]:
        """Return {id: (line, value)}, with the first line of each id."""
        first: dict[str, tuple[int, str]] = {}
        for line, utt, value in self.entries:
            first.setdefault(utt, (line, value))
        return first

    def at(self, line: int = 0, utt: str = "-") -> Place:
        """Name a line of this list."""
        return Place(self.path, line, utt)


def read_list(path: Path) -> Table:
    """Read a list; a bad line becomes a problem, and the other lines are kept."""
    table = Table(str(path))
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        unread = table.at().problem(
            "forbidden-list",
            found=f"a list that cannot be read ({error.strerror})",
            expected="a readable list",
            do="change its mode or owner",
        )
        table.problems.append(unread)
        return table
    if lines[0].startswith(codecs.BOM_UTF8):
        mark = table.at(1).problem(
            "byte-order-mark",
            found="a byte-order mark before the first id",
            expected="UTF-8 without one",
            do="remove it: sed -i '1s/^\\xef\\xbb\\xbf//' FILE",
        )
        table.problems.append(mark)
        lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
    if lines[-1] == b"":
        lines.pop()
    for number, raw in enumerate(lines, start=1):
        if problem := _read_line(table, number, raw):
            table.problems.append(problem)
    return table


def _read_line(table: Table, number: int, raw: bytes) -> Problem | None:
    """Add the entry of a line, if it has one; return its problem, if it has one."""
    try:
        line = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return table.at(number).problem(
            "encoding",
            found="bytes that are not UTF-8",
            expected="UTF-8 text",
            do="convert the file",
        )
    utt, _, value = line.partition(" ")
    if not utt:
        return table.at(number).problem(
            "empty-line", found="an empty line", expected="'ID VALUE'", do="remove it"
        )
    if "\t" not in utt:
        table.entries.append((number, utt, value.strip()))
        return None
    utt, _, value = line.partition("\t")
    table.entries.append((number, utt, value.strip()))
    return table.at(number, utt).problem(
        "tab",
        found="a tab after the id",
        expected="one space",
        do="replace the tab",
    )


def in_groups(problems: Iterable[Problem], most: int) -> Iterator[str]:
    """Yield at most ``most`` lines per file and kind (0: all), and count the others."""
    shown: Counter[tuple[str, str]] = Counter()
    ordered: Sequence[Problem] = sorted(
        problems, key=lambda p: (p.warning, p.file, p.kind, p.line, p.utt)
    )
    totals = Counter((p.file, p.kind) for p in ordered)
    for problem in ordered:
        group = (problem.file, problem.kind)
        shown[group] += 1
        if not most or shown[group] <= most:
            yield str(problem)
        if most and shown[group] == totals[group] > most:
            more = totals[group] - most
            yield f"{problem.file}: {problem.kind}: {more} more like these, not shown"
