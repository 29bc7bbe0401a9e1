"""What a task is made of: rows of a manifest, and how many of them are taken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.clips import Clip, duration
from corpus.downstream.roles import Role
from corpus.splits import Utterance, join_clips
from espnet2_ext.fileio.digest import stable_int

Trees = Mapping[str, Path]
Most = Mapping[Role, int]  # rows of a stratum at most; 0: all
JOIN_SECONDS = 3.0  # single words are joined until they last so long
SECONDS = (1.5, 10.0)  # prompts that are used alone to know a speaker or a language

# One woman speaks English and Spanish.
PERSONS = {"asterisk-en": "allison-smith", "asterisk-es": "allison-smith"}


@dataclass(frozen=True)
class Row:
    """One line of a manifest.

    Attributes:
        speech: one utterance, or the two of a verification trial.
        values: column -> value of everything but ids and audio paths.
        stratum: rows of one stratum are counted together when a set is made smaller.
    """

    speech: tuple[Utterance, ...]
    values: Mapping[str, str]
    stratum: str = ""

    @property
    def id(self) -> str:
        """The id of the utterance, or of both."""
        return " ".join(utterance.id for utterance in self.speech)


Splits = dict[Role, list[Row]]


def take(rows: Iterable[Row], most: int) -> list[Row]:
    """Take at most so many rows of each stratum (0: all), sorted by id.

    They are chosen by a hash of the id, so that a smaller part is a part of a larger
    one and several tasks choose the same recordings.
    """
    strata: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: stable_int(row.id)):
        strata.setdefault(row.stratum, []).append(row)
    kept = [row for group in strata.values() for row in group[: most or None]]
    return sorted(kept, key=lambda row: row.id.encode())


def alone(clip: Clip) -> Utterance:
    """Make an utterance of one clip."""
    return Utterance(clip.id, (clip,))


def joined(clips: Sequence[Clip]) -> list[Utterance]:
    """Join words of each speaker into utterances of `JOIN_SECONDS`.

    The id says how many clips they are of: the first alone may be used by another
    task.
    """
    return [
        Utterance(f"{made.id}-x{len(made.clips)}", made.clips)
        for made in join_clips(clips, JOIN_SECONDS)
    ]


def sentences(clips: Iterable[Clip]) -> list[Utterance]:
    """Keep clips that are long enough alone, and not too long."""
    low, high = SECONDS
    return [alone(clip) for clip in clips if low <= duration(clip) <= high]


def person(utterance: Utterance) -> str:
    """Name the person who speaks."""
    return PERSONS.get(utterance.speaker, utterance.speaker)
