"""Kaldi-style ``ID VALUE`` lists, and files that are written atomically."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Union

from espnet2_ext.errors import UserError

BYTE_ORDER_MARK = "\ufeff"
MARK_FOUND = (
    "found a byte-order mark before the first id; expected UTF-8 without one; remove "
    "it: sed -i '1s/^\\xef\\xbb\\xbf//' FILE"
)

PathLike = Union[str, "os.PathLike[str]"]


@contextmanager
def atomic_write(path: PathLike, mode: str = "w") -> Iterator[IO]:
    """Open a temporary file beside ``path``, and rename it if the block succeeds.

    A killed or failing writer leaves no incomplete ``path``.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.tmp.{os.getpid()}")
    encoding = None if "b" in mode else "utf-8"
    try:
        with open(partial, mode, encoding=encoding) as stream:
            yield stream
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def iter_scp(path: PathLike) -> Iterator[tuple[int, str, str]]:
    """Yield ``(line number, id, value)``; the value may be empty.

    Raises:
        UserError: if the file is missing, cannot be read, is not UTF-8, begins with a
            byte-order mark, or has an empty line.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; expected lines of 'ID VALUE'.")
    try:
        with open(path, encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                if number == 1 and line.startswith(BYTE_ORDER_MARK):
                    raise UserError(f"{path}:1: {MARK_FOUND}.")
                key, _, value = line.strip().partition(" ")
                if not key:
                    raise UserError(f"{path}:{number}: empty line; remove it.")
                yield number, key, value.strip()
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error}); convert it.") from error
    except PermissionError as error:
        raise UserError(
            f"{path}: found no permission to read it; expected lines of 'ID VALUE'; "
            "change its mode or owner."
        ) from error


def read_scp(path: PathLike) -> dict[str, str]:
    """Read ``ID VALUE`` lines in file order.

    Raises:
        UserError: on a duplicate id or a line without a value, with file and line.
    """
    table: dict[str, str] = {}
    for number, key, value in iter_scp(path):
        if not value:
            raise UserError(f"{path}:{number}: '{key}' has no value; add it.")
        if key in table:
            raise UserError(f"{path}:{number}: duplicate id '{key}'; keep one line.")
        table[key] = value
    return table


def write_scp(path: PathLike, table: Mapping[str, object]) -> None:
    """Write ``ID VALUE`` lines sorted bytewise (as ``LC_ALL=C sort``), atomically."""
    with atomic_write(path) as stream:
        for key in sorted(table, key=lambda name: name.encode()):
            stream.write(f"{key} {table[key]}\n")


def utt2spk_to_spk2utt(utt2spk: Mapping[str, str]) -> dict[str, str]:
    """Invert ``utt2spk`` into ``spk2utt`` (space-separated, sorted utterance ids)."""
    spk2utt: dict[str, list[str]] = {}
    for utt in sorted(utt2spk, key=lambda name: name.encode()):
        spk2utt.setdefault(utt2spk[utt], []).append(utt)
    return {spk: " ".join(utts) for spk, utts in spk2utt.items()}


def copy_list(source: PathLike, target: PathLike) -> None:
    """Copy a file atomically."""
    with atomic_write(target, "wb") as stream, open(source, "rb") as original:
        shutil.copyfileobj(original, stream)
