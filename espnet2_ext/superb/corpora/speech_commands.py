"""Speech Commands v0.01: ten words, _unknown_ and _silence_ (ks)."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import audio_info
from espnet2_ext.superb.corpora.registry import Options, Row, Splits
from espnet2_ext.superb.corpora.splits import to_splits

TRAIN, TEST = "speech_commands_v0.01", "speech_commands_test_set_v0.01"
NOISE, SILENCE, UNKNOWN = "_background_noise_", "_silence_", "_unknown_"


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, label, start_sec, end_sec``; see `build_splits`.

    As in SUPERB, the background recordings are the class _silence_ of the training
    *and* the validation set, cut into pieces of a second.
    """
    from s3prl.dataio.corpus.speech_commands import CLASSES, SpeechCommandsV1

    words = [name for name in CLASSES if not name.startswith("_")]
    for name in (*words, NOISE):
        pieces.folder(TRAIN, name, holds="*.wav")
    for name in CLASSES:
        pieces.folder(TEST, name, holds="*.wav")
    others = {x.name for x in root.glob(f"{TRAIN}/*/")} - {*words, NOISE}
    if not others:
        pieces.missing(root / TRAIN, f"no words beside the ten (they are {UNKNOWN})")
    pieces.require()

    corpus = SpeechCommandsV1(str(root / TRAIN), str(root / TEST))
    return to_splits(corpus.data_split, functools.partial(_rows, pieces))


def _rows(pieces: Pieces, key: str, point: dict) -> Iterator[Row]:
    path, label = str(point["wav_path"]), point["class_name"]
    utt = key.replace("/", "-")  # ids are file names elsewhere
    row = {"id": utt, "wav_path": path, "label": label}
    if label != SILENCE:
        yield {**row, "start_sec": "", "end_sec": ""}
        return
    for start, end in _seconds(path, pieces):
        yield {**row, "id": f"{utt}-{start:g}", "start_sec": start, "end_sec": end}


def _seconds(path: str, pieces: Pieces) -> Iterator[tuple[float, float]]:
    """Cut a recording into seconds; the last piece may be shorter, as in s3prl."""
    try:
        info = audio_info(path)
    except UserError as error:
        pieces.add(path, f"audio that cannot be read ({error})", "a wav file")
        return
    for start in range(0, info.samples, info.fs):
        end = min(start + info.fs, info.samples)
        yield start / info.fs, end / info.fs
