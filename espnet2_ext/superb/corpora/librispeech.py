"""LibriSpeech: words (asr), and phones by a lexicon (pr)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.corpora.lexicon import read_lexicon, to_phones
from espnet2_ext.superb.corpora.registry import Options, Row, Splits
from espnet2_ext.superb.corpora.splits import to_splits

SPLITS = {"train": "train-clean-100", "valid": "dev-clean", "test": "test-clean"}


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, transcription``; see `corpora.build_splits`."""
    speakers = pieces.file("SPEAKERS.TXT")
    known = {line.split("|")[0].strip() for _, line in read_lines(speakers, pieces)}
    places: dict[str, tuple[str, int]] = {}  # id -> (file, line) of its transcript
    for split in SPLITS.values():
        places |= _check_split(split, known, pieces)
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


def _check_split(
    split: str, speakers: set[str], pieces: Pieces
) -> dict[str, tuple[str, int]]:
    """Compare the audio of a split with its transcripts, both ways."""
    folder = pieces.folder(split, holds="*/*/*.flac")
    audio = {path.stem: path for path in folder.glob("*/*/*.flac")}
    places: dict[str, tuple[str, int]] = {}
    for path in sorted(folder.glob("*/*/*.trans.txt")):
        for number, line in read_lines(path, pieces):
            utt, _, text = line.partition(" ")
            places[utt] = (str(path), number)
            if not text.strip():
                pieces.add(path, "no words", "'ID WORDS'", number, utt)
            if utt not in audio:
                wanted = f"{path.parent / utt}.flac"
                pieces.add(path, "a transcript without audio", wanted, number, utt)
    for utt, path in sorted(audio.items()):
        if utt not in places:
            wanted = f"its line in {'-'.join(utt.split('-')[:2])}.trans.txt"
            pieces.add(path.parent, "audio without a transcript", wanted, utt=utt)
        if speakers and utt.split("-")[0] not in speakers:
            listed = f"speaker {utt.split('-')[0]} in SPEAKERS.TXT"
            pieces.add(path.parent, "audio of an unlisted speaker", listed, utt=utt)
    return places
