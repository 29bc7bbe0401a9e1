"""Fluent Speech Commands: action, object and location (ic)."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.corpora.registry import Options, Row, Splits
from espnet2_ext.superb.corpora.splits import to_splits

SLOTS = ("action", "object", "location")
COLUMNS = ("path", "speakerId", "transcription", *SLOTS)


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, labels``; see `corpora.build_splits`."""
    for name in ("train", "valid", "test"):
        _check_list(pieces.file("data", f"{name}_data.csv"), pieces)
    pieces.require()

    from espnet2_ext.superb.compat import complete_pandas

    complete_pandas()
    from s3prl.dataio.corpus.fluent_speech_commands import FluentSpeechCommands

    return to_splits(FluentSpeechCommands(str(root)).data_split, _rows)


def _rows(utt: str, point: dict) -> Iterator[Row]:
    labels = " ; ".join(str(point[slot]) for slot in SLOTS)
    yield {"id": utt, "wav_path": str(point["path"]), "labels": labels}


def _check_list(path: Path, pieces: Pieces) -> None:
    """Look for columns, labels and audio of one of the three lists."""
    lines = [line for _, line in read_lines(path, pieces)]
    reader = csv.DictReader(lines)
    lost = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
    if lost and lines:
        pieces.add(path, f"no column {', '.join(lost)}", ",".join(COLUMNS), 1)
        return
    seen: dict[str, int] = {}
    for row in reader:
        utt = Path(row["path"] or "").stem
        empty = [slot for slot in SLOTS if not (row[slot] or "").strip()]
        if empty:
            pieces.add(path, "an empty label", ", ".join(empty), reader.line_num, utt)
        if utt in seen:
            once = f"one line for it (first in line {seen[utt]})"
            pieces.add(path, "the utterance again", once, reader.line_num, utt)
        seen.setdefault(utt, reader.line_num)
        if not (pieces.root / row["path"]).is_file():
            pieces.add(path, "no audio", row["path"], reader.line_num, utt)
