"""VoiceBank-DEMAND (Valentini-Botinhao 2017): pairs of noisy and clean speech."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.pieces import Pieces, read_lines
from espnet2_ext.errors import unknown_name

CORPUS = Corpus(
    "voicebank_demand",
    "VoiceBank-DEMAND",
    "VOICEBANK_DEMAND",
    "Edinburgh DataShare, https://doi.org/10.7488/ds/2117 (CC BY 4.0, no registration)",
    (
        "{clean,noisy}_trainset_28spk_wav/p226_001.wav  (or 56spk; or *_wav_16k)",
        "{clean,noisy}_testset_wav/p232_001.wav",
        "trainset_28spk_txt, testset_txt: p226_001.txt  (optional: words)",
        "logfiles/log_{trainset_28spk,testset}.txt  (optional: noise and SNR)",
    ),
)
COUNTS = {"trainset_28spk": 11572, "trainset_56spk": 23075, "testset": 824}
VALID_SPEAKERS = ("p226", "p287")  # cut from 28spk by convention: 770 utterances
AUDIO = re.compile(r"(p\d+)_\d+")  # other files are leftovers of archives
LOG = re.compile(r"(\S+)\s+(\S+)\s+(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class NoisyPair:
    """One utterance.

    Attributes:
        speaker: ``p226``.
        noisy, clean: files of equal length.
        text: words as they are written; empty if not known.
        noise: kind of noise; empty if not known.
        snr: in dB; empty if not known.
    """

    speaker: str
    noisy: Path
    clean: Path
    text: str = ""
    noise: str = ""
    snr: str = ""


def read_pairs(
    root: str | Path, part: str, allow_partial: bool = False
) -> dict[str, NoisyPair]:
    """List the utterances of a part.

    Args:
        root: folder of the corpus.
        part: ``trainset_28spk``, ``trainset_56spk`` or ``testset``.
        allow_partial: whether fewer utterances than published are accepted.

    Returns:
        Pairs by id, sorted.

    Raises:
        UserError: with everything that is missing.
    """
    if part not in COUNTS:
        raise unknown_name("part of VoiceBank-DEMAND", part, COUNTS)
    pieces = Pieces(CORPUS, root)
    noisy, clean = (
        _list_audio(pieces, f"{kind}_{part}") for kind in ("noisy", "clean")
    )
    for one, other, kind in ((noisy, clean, "clean"), (clean, noisy, "noisy")):
        for utt in sorted(one.keys() - other.keys()):
            pieces.add(one[utt], f"no {kind} file for it", f"{kind}_{part}*", utt=utt)
    if noisy and not allow_partial and len(noisy) != COUNTS[part]:
        found = f"{len(noisy)} files"
        pieces.add(pieces.root / f"noisy_{part}*", found, f"{COUNTS[part]}", utt="-")
    texts = _read_texts(pieces, part, noisy)
    conditions = _read_log(pieces, part)
    pieces.require()
    return {
        utt: NoisyPair(
            utt.partition("_")[0],
            noisy[utt],
            clean[utt],
            texts.get(utt, ""),
            *conditions.get(utt, ()),
        )
        for utt in sorted(noisy)
    }


def _list_audio(pieces: Pieces, name: str) -> dict[str, Path]:
    """Find the files of one folder, which resampling has renamed for some users."""
    folders = [pieces.root / f"{name}_wav{rate}" for rate in ("", "_16k")]
    folder = next((x for x in folders if x.is_dir()), folders[0])
    found = {
        path.stem: path
        for path in folder.glob("*.wav")
        if AUDIO.fullmatch(path.stem) and path.stat().st_size > 44  # more than a header
    }
    if not found:
        pieces.missing(folder, "no p<speaker>_<number>.wav with audio in the folder")
    return found


def _read_texts(pieces: Pieces, part: str, audio: Mapping[str, Path]) -> dict[str, str]:
    folder = pieces.root / f"{part}_txt"
    texts = {}
    for utt in sorted(audio) if folder.is_dir() else ():
        path = pieces.file(folder.name, f"{utt}.txt")
        texts[utt] = " ".join(line.strip() for _, line in read_lines(path, pieces))
    return texts


def _read_log(pieces: Pieces, part: str) -> dict[str, tuple[str, str]]:
    """Read lines such as ``p226_001 babble 5``."""
    path = pieces.root / "logfiles" / f"log_{part}.txt"
    conditions = {}
    for number, line in read_lines(path, pieces):
        match = LOG.fullmatch(line.strip())
        if match:
            conditions[match[1]] = (match[2], match[3])
        elif line.strip():
            pieces.add(path, f"'{line.strip()}'", "'ID NOISE SNR'", number)
    return conditions
