"""WHAM! and LibriMix: one speaker and noise, out of sets made for two.

Both have ``mix_single`` (the first speaker and noise), ``s1`` and ``noise`` under one
name in folders side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.errors import unknown_name

STREAMS = ("mix_single", "s1", "noise")


@dataclass(frozen=True)
class MixedCorpus:
    """A corpus of mixtures.

    Attributes:
        corpus: where it is and comes from.
        counts: part -> published number of mixtures.
        speaker_of: id of a mixture -> its first speaker.
        source_of: id of a mixture -> id of its first utterance.
    """

    corpus: Corpus
    counts: dict[str, int]
    speaker_of: Callable[[str], str]
    source_of: Callable[[str], str]


MIXED: dict[str, MixedCorpus] = {
    mixed.corpus.name: mixed
    for mixed in (
        MixedCorpus(
            Corpus(
                "wham",
                "WHAM! (wham_noise and the scripts; needs WSJ0)",
                "WHAM_MIX",
                "http://wham.whisper.ai: its scripts, run on your WSJ0",
                tuple(f"wav16k/min/{{tr,cv,tt}}/{s}/<id>.wav" for s in STREAMS),
            ),
            {"tr": 20000, "cv": 5000, "tt": 3000},
            speaker_of=lambda id_: id_[:3],
            source_of=lambda id_: id_.split("_")[0],
        ),
        MixedCorpus(
            Corpus(
                "libri2mix",
                "Libri2Mix",
                "LIBRI2MIX",
                "https://github.com/JorisCos/LibriMix: its scripts, run on LibriSpeech "
                "and wham_noise (types mix_single)",
                tuple(
                    f"wav16k/min/{{train-100,dev,test}}/{s}/<id>.wav" for s in STREAMS
                ),
            ),
            {"train-100": 13900, "train-360": 50800, "dev": 3000, "test": 3000},
            speaker_of=lambda id_: id_.split("-")[0],
            source_of=lambda id_: id_.split("_")[0],
        ),
    )
}


@dataclass(frozen=True)
class SingleMixture:
    """One mixture: whose speech it is, of which utterance, and its files."""

    speaker: str
    source: str
    files: dict[str, Path]


def read_mixtures(
    name: str, root: str | Path, part: str, allow_partial: bool = False
) -> dict[str, SingleMixture]:
    """List the mixtures of a part.

    Args:
        name: ``wham`` or ``libri2mix``.
        root: folder of the corpus, or the folder of a rate and mode in it.
        part: ``tr``, ``train-100`` ...
        allow_partial: whether fewer than published are accepted.

    Returns:
        Mixtures by id, sorted.

    Raises:
        UserError: with everything that is missing.
    """
    if name not in MIXED:
        raise unknown_name("corpus of mixtures", name, MIXED)
    mixed = MIXED[name]
    if part not in mixed.counts:
        raise unknown_name(f"part of {mixed.corpus.title}", part, mixed.counts)
    pieces = Pieces(mixed.corpus, root)
    inside = next(
        (x for x in ("wav16k/min", "wav16k/max") if (pieces.root / x).is_dir()), "."
    )
    found = {
        stream: {
            path.stem: path
            for path in pieces.folder(inside, part, stream, holds="*.wav").glob("*.wav")
            if path.name[0] != "."
        }
        for stream in STREAMS
    }
    ids = found["mix_single"]
    for stream in STREAMS[1:]:
        for id_ in sorted(ids.keys() ^ found[stream].keys()):
            there, lacks = ("mix_single", stream)[:: 1 if id_ in ids else -1]
            pieces.add(found[there][id_], f"no file in {lacks}", f"{id_}.wav", utt=id_)
    if ids and not allow_partial and len(ids) != mixed.counts[part]:
        wanted = str(mixed.counts[part])
        pieces.add(pieces.root / inside / part, f"{len(ids)} mixtures", wanted)
    pieces.require()
    return {
        id_: SingleMixture(
            mixed.speaker_of(id_),
            mixed.source_of(id_),
            {stream: found[stream][id_] for stream in STREAMS},
        )
        for id_ in sorted(ids)
    }
