"""What the checker reports, and the lists it reads without stopping at an error."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do.

    Attributes:
        file: the list it was found through.
        line: 1-based line, 0 for the file as a whole.
        utt: utterance id, "-" where there is none.
        kind: short name; problems are counted by it.
        found, expected, do: the three parts of the message.
        warning: True if the data can be used all the same.
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


@dataclass
class Table:
    """An ``ID VALUE`` list as it is, in file order, errors included.

    Attributes:
        path: as given, for messages.
        entries: (line, id, value); an id may come twice.
        problems: what was wrong with single lines.
    """

    path: str
    entries: list[tuple[int, str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def first_lines(self) -> dict[str, tuple[int, str]]:
        """Give {id: (line, value)}; the first one counts if an id comes twice."""
        first: dict[str, tuple[int, str]] = {}
        for line, utt, value in self.entries:
            first.setdefault(utt, (line, value))
        return first

    def problem(
        self, line: int, utt: str, kind: str, found: str, expected: str, do: str
    ) -> Problem:
        """Make a `Problem` of this file."""
        return Problem(self.path, line, utt, kind, found, expected, do)


def read_table(path: Path) -> Table:
    """Read a list; unreadable lines become problems and the rest is kept."""
    table = Table(str(path))
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        why = f"a list that cannot be read ({error.strerror})"
        rule = ("a readable list", "change its mode or owner")
        table.problems.append(table.problem(0, "-", "forbidden-list", why, *rule))
        return table
    if lines[0].startswith(codecs.BOM_UTF8):
        why = "a byte-order mark before the first id"
        rule = ("UTF-8 without one", "remove it: sed -i '1s/^\\xef\\xbb\\xbf//' FILE")
        table.problems.append(table.problem(1, "-", "byte-order-mark", why, *rule))
        lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
    if lines[-1] == b"":
        lines.pop()
    for number, raw in enumerate(lines, start=1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError:
            bad = ("-", "encoding", "bytes that are not UTF-8", "UTF-8 text")
            table.problems.append(table.problem(number, *bad, "convert the file"))
            continue
        utt, _, value = line.partition(" ")
        if not utt:
            bad = ("-", "empty-line", "an empty line", "'ID VALUE'")
            table.problems.append(table.problem(number, *bad, "remove it"))
        elif "\t" in utt:
            bad = (utt.split("\t")[0], "tab", "a tab after the id", "one space")
            table.problems.append(table.problem(number, *bad, "replace the tab"))
            table.entries.append((number, *_split_tab(line)))
        else:
            table.entries.append((number, utt, value.strip()))
    return table


def _split_tab(line: str) -> tuple[str, str]:
    utt, _, value = line.partition("\t")
    return utt, value.strip()


def in_groups(problems: Iterable[Problem], most: int) -> Iterator[str]:
    """Yield lines: at most ``most`` of a kind and file (0: all), then how many more."""
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
