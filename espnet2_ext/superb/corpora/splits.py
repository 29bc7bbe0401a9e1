"""The rows of a task's manifests, and the files, which appear together."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from espnet2_ext.fileio.scp import PathLike, atomic_write
from espnet2_ext.superb.corpora.registry import Row, Splits


def to_splits(
    data_split: Iterable[Mapping[str, dict]], row: Callable[[str, dict], Iterable[Row]]
) -> Splits:
    """Make rows, in order of ids, of what a parser of s3prl has.

    Args:
        data_split: {id: data point} of train, valid and test.
        row: the rows of one data point.
    """
    return {
        name: [made for utt in sorted(data) for made in row(utt, data[utt])]
        for name, data in zip(("train", "valid", "test"), data_split, strict=True)
    }


def write_splits(directory: PathLike, splits: Splits) -> list[Path]:
    """Write ``<directory>/<split>.csv``, all of them or none.

    Every file is complete under a temporary name before the first is moved; what was
    there before stays if anything goes wrong.

    Returns:
        The files written.
    """
    paths = []
    with ExitStack() as stack:
        for name, rows in splits.items():
            path = Path(directory) / f"{name}.csv"
            stream = stack.enter_context(atomic_write(path))
            _write_rows(stream, rows)
            paths.append(path)
    return paths


def _write_rows(stream: IO[str], rows: Sequence[Row]) -> None:
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
