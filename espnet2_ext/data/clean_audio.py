"""The unique clean audio of CSV manifests, and a check that it can be mixed."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import audio_info

AUDIO_COLUMNS = (("id", "wav_path"), ("id1", "wav_path1"), ("id2", "wav_path2"))


def collect_audio(paths: Iterable[Path]) -> dict[str, str]:
    """Collect the unique audio of CSV manifests as {id: path}.

    The id of a file is that of its first row (asv: ``id1`` or ``id2``; sd:
    ``record_id``). Characters other than letters, digits, ``.``, ``_`` and ``-`` are
    replaced. If another file has the same id, the manifest's folder is a prefix.

    Raises:
        UserError: if a manifest cannot be read, or has no audio column or an empty
            cell.
    """
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for path in paths:
        for id_, wav_path in _audio_cells(path):
            if wav_path in ids:
                continue
            name = re.sub(r"[^A-Za-z0-9._-]", "_", id_)
            for candidate in (name, f"{path.parent.name}-{name}"):
                if candidate not in taken:
                    break
            else:
                raise UserError(
                    f"{path}: id '{id_}' stands for two audio files, one of them "
                    f"{wav_path}; give each file an id of its own."
                )
            ids[wav_path] = candidate
            taken.add(candidate)
    return {id_: wav_path for wav_path, id_ in ids.items()}


def read_manifest(path: Path) -> list[dict[str, str]]:
    """Read a CSV manifest.

    Raises:
        UserError: if it is missing, not UTF-8, or has no rows.
    """
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot read the manifest ({error}).") from error
    if not rows:
        raise UserError(f"{path}: no rows; expected a header and at least one item.")
    return rows


def _audio_cells(path: Path) -> Iterator[tuple[str, str]]:
    rows = read_manifest(path)
    names = [(a if a in rows[0] else "record_id", b) for a, b in AUDIO_COLUMNS]
    names = [(a, b) for a, b in names if a in rows[0] and b in rows[0]]
    if not names:
        raise UserError(
            f"{path}: columns {', '.join(rows[0])}; expected id and wav_path (asv "
            "trials: id1, id2, wav_path1, wav_path2; sd: record_id and wav_path)."
        )
    empty = [
        f"{path}:{line}: empty {a} or {b}"
        for line, row in enumerate(rows, start=2)
        for a, b in names
        if not row[a] or not row[b]
    ]
    if empty:
        raise UserError("\n".join([*empty, "Fill these cells or remove the rows."]))
    for row in rows:
        for id_column, path_column in names:
            yield row[id_column], row[path_column]


def check_clean(audio: Mapping[str, str], fs: int) -> None:
    """Check the header of every clean file.

    Raises:
        UserError: naming all files that cannot be used, and why.
    """
    lines = [f"{path}: {why}" for path in audio.values() if (why := _why_not(path, fs))]
    if lines:
        raise UserError(
            "\n".join(lines)
            + f"\n{len(lines)} of {len(audio)} clean files cannot be used; expected "
            f"one channel, 16 bit, {fs} Hz. Convert them and make the manifests again."
        )


def _why_not(path: str, fs: int) -> str:
    try:
        info = audio_info(path)
    except UserError as error:
        return f"cannot be read ({error})"
    if info.fs != fs:
        return f"found {info.fs} Hz"
    if info.channels != 1:
        return f"found {info.channels} channels"
    if info.subtype != "PCM_16":
        return f"found {info.subtype} samples"
    return "" if info.samples else "no samples"


def read_texts(
    paths: Iterable[Path], column: str, audio: Mapping[str, str]
) -> dict[str, str]:
    """Read the transcript of each audio file from a column, as {id: text}.

    Args:
        paths: manifests that have the column.
        column: its name.
        audio: {id: path}, from `collect_audio`.

    Raises:
        UserError: if a manifest lacks the column, or a file has two texts.
    """
    texts: dict[str, str] = {}
    for path in paths:
        for line, row in enumerate(read_manifest(path), start=2):
            if column not in row:
                raise UserError(
                    f"{path}: no column '{column}'; it has {', '.join(row)}."
                )
            text = " ".join((row[column] or "").split())
            if texts.setdefault(row["wav_path"], text) != text:
                raise UserError(
                    f"{path}:{line}: {row['wav_path']} has another {column} than "
                    "before; correct one of them."
                )
    return {id_: texts[path] for id_, path in audio.items() if path in texts}
