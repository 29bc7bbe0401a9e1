"""Libri2Mix for diarisation: Kaldi directories (sd)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.compat import s3prl_problem
from espnet2_ext.superb.corpora.registry import Options, Splits

SPLITS = {"train": "train", "valid": "dev", "test": "test"}
FIELDS = {"wav.scp": 2, "reco2dur": 2, "utt2spk": 2, "segments": 4}
COLUMNS = (
    "record_id", "duration", "wav_path", "utt_id", "speaker", "start_sec", "end_sec",
)  # fmt: skip
TEXTS = {name: str for name in ("record_id", "wav_path", "utt_id", "speaker")}


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of `COLUMNS`, one a segment; see `corpora.build_splits`."""
    for folder in SPLITS.values():
        _check_folder(folder, pieces)
    pieces.require()

    import pandas

    s3prl_problem()
    from s3prl.problem.diarization.util import kaldi_dir_to_csv

    splits: Splits = {}
    for name, folder in SPLITS.items():
        with tempfile.NamedTemporaryFile(suffix=".csv") as made:
            kaldi_dir_to_csv(str(root / folder), made.name)
            # ids of digits are words: 0084 stays 0084
            frame = pandas.read_csv(made.name, dtype=TEXTS, keep_default_na=False)
        rows = frame.sort_values(["record_id", "start_sec", "utt_id"])
        splits[name] = [
            {str(key): value for key, value in row.items()}
            for row in rows[list(COLUMNS)].to_dict("records")
        ]
    return splits


def _check_folder(name: str, pieces: Pieces) -> None:
    """Check the four lists of a set against each other and the audio."""
    wavs, durations, speakers, segments = (
        _read_list(pieces.file(name, file), count, pieces)
        for file, count in FIELDS.items()
    )
    path = pieces.root / name / "wav.scp"
    for reco, (number, values) in wavs.items():
        if not Path(values[0]).is_file():
            pieces.add(path, "no audio", values[0], number, reco)
        if reco not in durations:
            pieces.add(path, "no duration", "its line in reco2dur", number, reco)
    path = pieces.root / name / "segments"
    for utt, (number, (reco, start, end)) in segments.items():
        if reco not in wavs:
            pieces.add(path, "an unknown record", "one of wav.scp", number, utt)
        if utt not in speakers:
            pieces.add(path, "no speaker", "its line in utt2spk", number, utt)
        if not _is_interval(start, end):
            pieces.add(path, "no interval", "START < END in seconds", number, utt)


def _read_list(
    path: Path, count: int, pieces: Pieces
) -> dict[str, tuple[int, list[str]]]:
    """Read {first word: (line, other words)} of lines of ``count`` words."""
    table = {}
    for number, line in read_lines(path, pieces):
        key, *values = line.strip().split(" ")
        if len(values) == count - 1:
            table[key] = number, values
        else:
            words = f"{count} words with one blank between (no pipes)"
            pieces.add(path, f"the line '{line.strip()}'", words, number, key)
    return table


def _is_interval(start: str, end: str) -> bool:
    try:
        return 0 <= float(start) < float(end)
    except ValueError:
        return False
