"""Audio SNIPS: words and the slot of every word (sf)."""

from __future__ import annotations

import tempfile
from pathlib import Path

from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.superb.compat import s3prl_problem
from espnet2_ext.superb.corpora.registry import Options, Row, Splits

TEXT = "all.iob.snips.txt"
SPLITS = ("train", "valid", "test")


def build(task: str, root: Path, options: Options, pieces: Pieces) -> Splits:
    """Rows of ``id, wav_path, transcription, iob``; see `corpora.build_splits`.

    Speakers of each set and the cleaning of words are s3prl's, called and not copied.
    """
    text = pieces.file(TEXT)
    for name in SPLITS:
        pieces.folder(name, holds="*.wav")
    pieces.require()  # before the long import

    problem = s3prl_problem()
    from s3prl.problem.asr.superb_sf import audio_snips_for_slot_filling

    default = problem.SuperbSF().default_config()["prepare_data"]
    speakers = {name: list(default[f"{name}_speakers"]) for name in SPLITS}
    _check_words(text, _check_audio(speakers, pieces), pieces)
    pieces.require()

    import pandas

    with tempfile.TemporaryDirectory() as folder:
        train, valid, tests = audio_snips_for_slot_filling(
            folder, folder, root, *(speakers[name] for name in SPLITS)
        )
        frames = [
            pandas.read_csv(x, dtype=str, keep_default_na=False)
            for x in (train, valid, *tests)
        ]
    columns = ["id", "wav_path", "transcription", "iob"]
    return {
        name: _rows(frame[columns].to_dict("records"))
        for name, frame in zip(SPLITS, frames, strict=True)
    }


def _rows(records: list[dict]) -> list[Row]:
    return [dict(record) for record in records]


def _check_audio(speakers: dict[str, list[str]], pieces: Pieces) -> dict[str, Path]:
    """Look for audio of every speaker; give {utterance: file} of the speakers used."""
    used: dict[str, Path] = {}
    for split, names in speakers.items():
        folder = pieces.root / split
        for name in names:
            found = {path.stem: path for path in folder.glob(f"{name}-*.wav")}
            if not found:
                pieces.missing(folder / f"{name}-snips-{split}-*.wav", "no such files")
            used |= found
    return used


def _check_words(path: Path, used: dict[str, Path], pieces: Pieces) -> None:
    """Look for 'ID BOS word ... EOS<tab>O slot ... INTENT' of every utterance."""
    expected = "'ID BOS WORD ... EOS', a tab, and a slot for each of them"
    listed = set()
    for number, line in read_lines(path, pieces):
        utt, _, rest = line.strip().partition(" ")
        listed.add(utt)
        if utt not in used:
            continue
        words, tab, slots = rest.partition("\t")
        same = len(words.split(" ")) == len(slots.split(" "))
        if not tab or not same or len(words.split()) < 3:
            pieces.add(path, "words and slots that differ", expected, number, utt)
    for utt in sorted(set(used) - listed):
        pieces.add(path, "no words for an utterance", expected, utt=utt)
