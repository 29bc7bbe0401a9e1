"""Clean Russian sentences with checked transcripts, for training and testing ASR."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from corpus import speech
from corpus.clips import Clip, duration
from corpus.downstream.roles import (
    ROLES,
    Role,
    divide_festvox,
    prompt_role,
)
from corpus.splits import Utterance
from espnet2_ext.errors import UserError

LETTERS = "абвгдежзийклмнопрстуфхцчшщъыьэюя"
MIN_TEST_WORDS = 2  # single words are no sentences
MAX_SECONDS = 20.0


def russian_sentences(
    trees: Mapping[str, Path],
) -> tuple[list[Utterance], list[Utterance], list[Utterance]]:
    """Give the training, validation and test sentences, one clip each.

    Train: festvox-ru 1-540, asterisk-ru, tuxpaint-ru. Valid: festvox-ru 581-620, a
    tenth of asterisk-ru. Test: festvox-ru 541-580, another tenth of asterisk-ru; no
    enhancement model has trained on any of it. Both test voices are in train.
    The text is lower-case Cyrillic letters and single spaces (see `normalise`).

    Args:
        trees: package name -> unpacked tree, as `fetch.fetch_packages` gives.

    Returns:
        (train, valid, test); ids are unique, `Utterance.clips` has one clip, to be
        read with `clips.load_clip`.

    Raises:
        UserError: if the packages give no sentence for one of the three.
    """
    parts: dict[Role, list[Clip]] = {role: [] for role in ROLES}
    for role, sentences in divide_festvox(speech.festvox_ru(trees)).items():
        parts[role] += sentences
    for clip in speech.asterisk(trees, "ru"):
        parts[prompt_role(clip.key)].append(clip)
    parts["train"] += speech.tuxpaint(trees, "ru")
    train, valid, test = (
        list(_sentences(parts[role], 1 if role == "train" else MIN_TEST_WORDS))
        for role in ROLES
    )
    if not (train and valid and test):
        raise UserError(
            f"found {len(train)} Russian sentences for training, {len(valid)} for "
            f"validation, {len(test)} for the test; expected some of each. They are "
            "in the packages festvox-ru and asterisk-core-sounds-ru with -ru-g722."
        )
    return train, valid, test


def _sentences(clips: Iterable[Clip], min_words: int) -> Iterable[Utterance]:
    for clip in clips:
        text = normalise(clip.text)
        if text and len(text.split()) >= min_words and duration(clip) <= MAX_SECONDS:
            yield Utterance(clip.id, (Clip(**{**vars(clip), "text": text}),))


def normalise(text: str) -> str:
    """Give a Russian text as lower-case letters and single spaces.

    The letter yo is written as ye, as most texts do; hyphens and dashes become spaces.

    Returns:
        The words; empty if the text has digits, Latin letters or signs, which can be
        read aloud in more than one way.
    """
    text = text.lower().replace("ё", "е")
    text = re.sub(r"[-–—]", " ", text)
    text = re.sub(r"[.,:;!?«»\"'()…]", "", text)
    words = " ".join(text.split())
    return words if re.fullmatch(rf"[{LETTERS} ]+", words) else ""
