"""LibriSpeech: words (asr), and phones by a lexicon (pr)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.corpora.librispeech import check_part, list_speakers
from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.superb.corpora.lexicon import read_lexicon, to_phones
from espnet2_ext.superb.corpora.registry import Options, Row, Splits
from espnet2_ext.superb.corpora.splits import to_splits

SPLITS = {"train": "train-clean-100", "valid": "dev-clean", "test": "test-clean"}


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, transcription``; see `corpora.build_splits`."""
    speakers = list_speakers(pieces)
    places: dict[str, tuple[str, int]] = {}  # id -> (file, line) of its transcript
    for split in SPLITS.values():
        places |= check_part(split, speakers, pieces)
    pieces.require()
    # before the corpus is parsed: a lexicon that is not there should be said at once
    lexicon = read_lexicon(options.lexicon) if task == "pr" else {}

    from s3prl.dataio.corpus.librispeech import LibriSpeech

    names = ([name] for name in SPLITS.values())
    corpus = LibriSpeech(str(root), options.num_jobs, *names)
    splits = to_splits(corpus.data_split, _rows)
    return to_phones(splits, lexicon, places, options) if task == "pr" else splits


def _rows(utt: str, point: dict) -> Iterator[Row]:
    text = point["transcription"].strip()
    yield {"id": utt, "wav_path": str(point["wav_path"]), "transcription": text}
