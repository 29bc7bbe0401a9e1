"""Who is in which set. Every rule that keeps training and test apart is here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus import speech
from corpus.clips import Clip, duration
from corpus.outside import outside_speech
from corpus.packages import SIZES
from espnet2_ext.errors import UserError

Trees = Mapping[str, Path]
SETS = ("train", "valid", "test_en", "test_spk2", "test_out")

# Spanish is not here: its voice is the woman of test_en.
TRAIN_PROMPTS = {"tiny": ("it",), "small": ("fr", "it", "ru")}
TRAIN_TUXPAINT = ("be", "fr", "ro", "ru")  # es is clipped, the others are babble
FESTVOX_TRAIN, FESTVOX_VALID = 540, 40  # the 40 between are in no set
MIN_TRAIN_SECONDS = 4.0  # ESPnet's chunk iterator drops what is below one chunk
MIN_SPK2_SECONDS = 3.0
TEST_SECONDS = (3.0, 12.0)
PAUSE_SECONDS = (0.2, 0.5)  # between joined prompts

# Slips of the pen in the published texts; the voice says the right word.
TYPING_ERRORS = {
    "represenatives": "representatives",
    "witheld": "withheld",
    "Un-indentified": "Unidentified",
}
DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)


@dataclass(frozen=True)
class Utterance:
    """Clean speech of one item: clips of one speaker, to be joined with pauses."""

    id: str
    clips: tuple[Clip, ...]

    @property
    def speaker(self) -> str:
        """The one speaker of all clips."""
        return self.clips[0].speaker

    @property
    def lang(self) -> str:
        """The one language of all clips."""
        return self.clips[0].lang

    @property
    def text(self) -> str:
        """The texts of the clips, joined."""
        return " ".join(clip.text for clip in self.clips)


def collect_sets(trees: Trees, size: str) -> dict[str, list[Utterance]]:
    """Give the clean utterances of every set.

    Raises:
        UserError: if a set has none, with the packages that would help.
    """
    train, valid = _train_and_valid(trees, size)
    sets = {
        "train": join_clips(train, MIN_TRAIN_SECONDS),
        "valid": join_clips(valid, MIN_TRAIN_SECONDS),
        "test_en": single_sentences(english(speech.asterisk(trees, "en"))),
        "test_spk2": second_speaker(trees, size),
        "test_out": [Utterance(clip.id, (clip,)) for clip in outside_speech(trees)],
    }
    _check(sets, size)
    return sets


def _train_and_valid(trees: Trees, size: str) -> tuple[list[Clip], list[Clip]]:
    level = SIZES.index(size)
    train: list[Clip] = []
    valid: list[Clip] = []
    for lang in TRAIN_PROMPTS["tiny" if size == "tiny" else "small"]:
        for clip in speech.asterisk(trees, lang):
            (valid if is_valid_prompt(clip.key) else train).append(clip)
    if level >= SIZES.index("core"):
        festvox = speech.festvox_ru(trees)
        train += festvox[:FESTVOX_TRAIN]
        valid += festvox[FESTVOX_TRAIN:][-FESTVOX_VALID:]
        for lang in TRAIN_TUXPAINT:
            train += speech.tuxpaint(trees, lang)
    if level >= SIZES.index("extended"):
        train += speech.fillets(trees, "cs") + speech.fillets(trees, "nl")
    return train, valid


def is_valid_prompt(key: str) -> bool:
    """Tell whether a prompt id is for validation, in every language: a tenth."""
    return hashlib.sha256(key.encode()).digest()[0] % 10 == 0


def second_speaker(trees: Trees, size: str) -> list[Utterance]:
    """Find the second unseen speaker.

    Danish words (tuxpaint) in core and up; Danish letters and syllables (klettres) in
    small, or where tuxpaint is missing; the French prompts in tiny, which trains on
    Italian only.
    """
    if size == "tiny":
        return single_sentences(speech.asterisk(trees, "fr"))
    tuxpaint = SIZES.index(size) >= SIZES.index("core")
    danish = speech.tuxpaint(trees, "da") if tuxpaint else []
    return join_clips(danish or speech.klettres(trees, "da"), MIN_SPK2_SECONDS)


def join_clips(clips: Iterable[Clip], seconds: float) -> list[Utterance]:
    """Join consecutive clips of a speaker until they last ``seconds``.

    What is left at the end of a speaker goes with the utterance before it (or stands
    alone if there is none).
    """
    groups: dict[str, list[list[Clip]]] = {}
    for clip in clips:
        done = groups.setdefault(clip.speaker, [])
        if not done or speech_seconds(done[-1]) >= seconds:
            done.append([])
        done[-1].append(clip)
    for done in groups.values():
        if len(done) > 1 and speech_seconds(done[-1]) < seconds:
            rest = done.pop()
            done[-1] += rest
    return [
        Utterance(group[0].id, tuple(group))
        for done in groups.values()
        for group in done
    ]


def speech_seconds(clips: Sequence[Clip]) -> float:
    """Least duration of the joined clips: pauses counted at their shortest."""
    pauses = PAUSE_SECONDS[0] * max(0, len(clips) - 1)
    return sum(duration(clip) for clip in clips) + pauses


def single_sentences(clips: Iterable[Clip]) -> list[Utterance]:
    """Keep single sentences of test length with at least three words."""
    low, high = TEST_SECONDS
    return [
        Utterance(clip.id, (clip,))
        for clip in clips
        if low <= duration(clip) <= high and len(clip.text.split()) >= 3
    ]


def english(clips: Iterable[Clip]) -> list[Clip]:
    """Keep clips whose text is words as spoken: single digits are spelled out.

    Texts with longer numbers or symbols can be read aloud in more than one way, which
    a word error rate would count as errors: they are left out.
    """
    kept = []
    for clip in clips:
        text = clip.text
        for wrong, right in TYPING_ERRORS.items():
            text = text.replace(wrong, right)
        text = re.sub(r"\b\d\b", lambda match: DIGITS[int(match[0])], text)
        if re.fullmatch(r"[A-Za-z' ,.;:!?-]+", text) and "www" not in text:
            kept.append(Clip(**{**vars(clip), "text": text}))
    return kept


def _check(sets: Mapping[str, Sequence[Utterance]], size: str) -> None:
    empty = [name for name in SETS if not sets[name]]
    if empty:
        raise UserError(
            f"found no speech for {' and '.join(empty)}; expected it in the packages "
            f"of --corpus_size {size} (warnings about missing ones are above). Try "
            "another --corpus_size, or a Debian release that has them."
        )
    seen = {u.speaker for name in SETS[:2] for u in sets[name]}
    for name in SETS[2:]:
        both = seen & {u.speaker for u in sets[name]}
        assert not both, f"{name} shares speakers with training: {both}"
