"""Reading the CSV manifests of a task without stopping at an error."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_ext.data.problems import Place, Problem
from espnet2_ext.superb.tasks import SEGMENT, Task

FS = 16000  # s3prl's upstreams and probes work at this rate only
MAY_BE_EMPTY = SEGMENT  # an empty segment is the whole file


@dataclass(frozen=True)
class ManifestRow:
    """One line of a manifest: where it is, its id, its columns."""

    line: int
    id: str
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass
class Manifest:
    """A CSV file as it is: the rows that can be used, and what is wrong."""

    task: Task
    split: str
    path: Path
    columns: tuple[str, ...] = ()
    rows: list[ManifestRow] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def at(self, line: int = 0, utt: str = "-") -> Place:
        """Name a line of this file."""
        return Place(str(self.path), line, utt)

    def audio(self) -> Iterator[tuple[ManifestRow, str]]:
        """Yield every row with each of its audio paths."""
        for row in self.rows:
            for column in self.task.audio_columns(self.split):
                yield row, row[column]


def read_task_manifest(task: Task, path: Path, split: str) -> Manifest:
    """Read a CSV file; unusable lines become problems.

    Args:
        task: whose manifest it is.
        path: the file; of a directory, ``<task>/<split>.csv`` in it.
        split: train, valid or test, which decides the columns.
    """
    file = path if path.suffix == ".csv" else path / task.name / f"{split}.csv"
    manifest = Manifest(task, split, file)
    try:
        text = manifest.path.read_text(encoding="utf-8-sig")
    except OSError:
        manifest.problems.append(
            manifest.at().problem(
                "missing-file",
                found="no such file",
                expected="a CSV with a header",
                do="run the stage that writes the manifests",
            )
        )
        return manifest
    except UnicodeDecodeError as error:
        manifest.problems.append(
            manifest.at().problem(
                "encoding",
                found=f"bytes that are not UTF-8 ({error})",
                expected="UTF-8 text",
                do="convert the file",
            )
        )
        return manifest
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    if _check_header(manifest, header):
        manifest.columns = tuple(header)
        _read_rows(manifest, reader)
    return manifest


def _check_header(manifest: Manifest, header: list[str]) -> bool:
    task, split = manifest.task, manifest.split
    wanted = task.columns_of(split)
    known = {*wanted, *task.optional}
    bad = [f"no column '{name}'" for name in wanted if name not in header]
    bad += [f"unknown column '{name}'" for name in header if name not in known]
    bad += [f"column '{name}' twice" for name in set(header) if header.count(name) > 1]
    if len({*SEGMENT} & {*header}) == 1:
        bad.append(f"only one of {' and '.join(SEGMENT)}")
    if bad:
        extra = f" [,{','.join(task.optional)}]" if task.optional else ""
        expected = ",".join(wanted) + extra
        problem = manifest.at(1).problem(
            "columns",
            found="; ".join(bad),
            expected=expected,
            do="write the header and the columns again",
        )
        manifest.problems.append(problem)
    return not bad


def row_id(task: Task, split: str, values: dict[str, str]) -> str:
    """Name a row: its id, the two ids of a trial, or the segment's id."""
    if task.columns_of(split)[0] == "id1":
        return f"{values['id1']} {values['id2']}"
    return values["utt_id"] if "utt_id" in values else values["id"]


def _read_rows(manifest: Manifest, reader: Iterator[list[str]]) -> None:
    seen: dict[str, int] = {}
    line = 1
    for cells in reader:
        first, line = line + 1, reader.line_num  # type: ignore[attr-defined]
        manifest.problems += _read_row(manifest, first, cells, seen)
    if not manifest.rows and not manifest.problems:
        no_rows = manifest.at(1).problem(
            "no-rows",
            found="no rows",
            expected="at least one line",
            do="run the stage that writes the manifests",
        )
        manifest.problems.append(no_rows)


def _read_row(
    manifest: Manifest, line: int, cells: list[str], seen: dict[str, int]
) -> Iterator[Problem]:
    """Add a row that can be used, and yield what is wrong with it.

    ``seen`` (id -> line) is kept up to date.
    """
    if len(cells) != len(manifest.columns):
        yield manifest.at(line, cells[0] if cells else "-").problem(
            "fields",
            found=f"{len(cells)} fields",
            expected=f"{len(manifest.columns)} as in the header",
            do="correct the line",
        )
        return
    values = dict(zip(manifest.columns, cells, strict=True))
    row = ManifestRow(line, row_id(manifest.task, manifest.split, values), values)
    empty = [c for c, v in values.items() if not v.strip() and c not in MAY_BE_EMPTY]
    for column in empty:
        yield manifest.at(line, row.id).problem(
            "empty",
            found=f"empty {column}",
            expected="a value",
            do="add it, or remove the line",
        )
    if row.id in seen:
        yield manifest.at(line, row.id).problem(
            "duplicate-id",
            found=f"the id again (first in line {seen[row.id]})",
            expected="every id once",
            do="keep one of the lines",
        )
    elif not empty:
        manifest.rows.append(row)
    seen.setdefault(row.id, line)


@dataclass(frozen=True)
class AudioHeader:
    """What a file says about itself; ``error`` is set where it cannot be read."""

    samples: int = 0
    fs: int = 0
    channels: int = 0
    error: str = ""


@functools.cache
def audio_header(path: str) -> AudioHeader:
    """Read the header of an audio file; each file once, tasks share them."""
    from espnet2_ext.errors import UserError
    from espnet2_ext.fileio.audio import ARK_ENTRY, audio_info

    if ARK_ENTRY.match(path):
        return AudioHeader(error=f"an archive's entry, {path}, which s3prl cannot read")
    if not Path(path).is_file():
        return AudioHeader(error=f"no file {path}")
    try:
        found = audio_info(path)
    except UserError as error:
        return AudioHeader(error=f"audio that cannot be decoded ({error})")
    if not found.samples:
        return AudioHeader(error=f"{path} without samples")
    return AudioHeader(found.samples, found.fs, found.channels)
