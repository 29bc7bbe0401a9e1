"""LibriSpeech: read English with transcripts, in parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.errors import unknown_name

LIBRISPEECH = Corpus(
    "librispeech",
    "LibriSpeech",
    "LIBRISPEECH",
    "OpenSLR resource 12, https://www.openslr.org/12: train-clean-100.tar.gz, "
    "dev-clean.tar.gz and test-clean.tar.gz (no registration)",
    (
        "SPEAKERS.TXT",
        "{train-clean-100,dev-clean,test-clean}/<spk>/<chap>/*.flac",
        "{train-clean-100,dev-clean,test-clean}/<spk>/<chap>/*.trans.txt",
    ),
    ("asr", "pr"),
)
COUNTS = {
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
}


@dataclass(frozen=True)
class ReadSpeech:
    """One utterance: whose, where, and the words in upper case."""

    speaker: str
    path: Path
    text: str


def open_librispeech(root: str | Path) -> Pieces:
    """Find the corpus in a folder, or in its folder ``LibriSpeech``.

    Raises:
        UserError: if the folder is not there.
    """
    pieces = Pieces(LIBRISPEECH, root)
    inside = pieces.root / "LibriSpeech"
    if not (pieces.root / "SPEAKERS.TXT").exists() and inside.is_dir():
        return Pieces(LIBRISPEECH, inside)
    return pieces


def list_speakers(pieces: Pieces) -> set[str]:
    """Read the speakers of SPEAKERS.TXT; a missing list is noted."""
    path = pieces.file("SPEAKERS.TXT")
    return {line.split("|")[0].strip() for _, line in read_lines(path, pieces)}


def check_part(
    part: str, speakers: Collection[str], pieces: Pieces
) -> dict[str, tuple[str, int]]:
    """Compare the audio of a part with its transcripts, both ways.

    Args:
        part: ``train-clean-100``.
        speakers: those of SPEAKERS.TXT.
        pieces: where problems go.

    Returns:
        id -> (file, line) of its transcript.
    """
    folder = pieces.folder(part, holds="*/*/*.flac")
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


def read_part(
    root: str | Path, part: str, allow_partial: bool = False
) -> dict[str, ReadSpeech]:
    """List the utterances of a part.

    Args:
        root: folder of the corpus.
        part: ``train-clean-100`` ...
        allow_partial: whether fewer utterances than published are accepted.

    Returns:
        Utterances by id, sorted.

    Raises:
        UserError: with everything that is missing.
    """
    if part not in COUNTS:
        raise unknown_name("part of LibriSpeech", part, COUNTS)
    pieces = open_librispeech(root)
    places = check_part(part, list_speakers(pieces), pieces)
    if places and not allow_partial and len(places) != COUNTS[part]:
        found = f"{len(places)} utterances"
        pieces.add(pieces.root / part, found, f"{COUNTS[part]}")
    pieces.require()
    speech = {}
    for path in {file for file, _ in places.values()}:
        for _, line in read_lines(Path(path), pieces):
            utt, _, text = line.partition(" ")
            audio = Path(path).parent / f"{utt}.flac"
            speech[utt] = ReadSpeech(utt.split("-")[0], audio, text.strip())
    return dict(sorted(speech.items()))
