"""What is said: phones, characters, prompt families, digits and letters."""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpus import italian, speech
from corpus.clips import Clip
from corpus.downstream import sources
from corpus.downstream.items import (
    Most,
    Row,
    Splits,
    Trees,
    alone,
    take,
)
from corpus.downstream.roles import (
    ROLES,
    Role,
    divide_festvox,
    prompt_role,
)
from corpus.russian import russian_sentences

PROMPT_LANGS = ("en", "es", "fr", "it", "ru")

# What a prompt is for, from the first part of its id: the families with more than a
# hundred clips. Smaller ones would be tested on two or three prompt ids.
FAMILIES = {
    "conf": "conference",
    "confbridge": "conference",
    "digits": "digits",
    "letters": "letters",
    "phonetic": "phonetic",
    "vm": "voicemail",
}

# Who says digits and letters. Every test voice is in no other split; every language
# of the test has a voice in training. (source, language)
SYMBOL_VOICES: dict[Role, tuple[tuple[str, str], ...]] = {
    "train": (
        *(("asterisk", lang) for lang in ("fr", "it", "ru")),
        *(("klettres", lang) for lang in ("en", "es", "pt_BR")),
        *(("tuxpaint", lang) for lang in ("en_GB", "es", "be", "bg", "de", "lt")),
        *(("tuxpaint", lang) for lang in ("nb", "nl", "ro", "sl", "sv")),
    ),
    "valid": (("klettres", "en_GB"), ("tuxpaint", "nn"), ("tuxpaint", "pt")),
    "test": (
        *(("asterisk", lang) for lang in ("en", "es")),
        *(("klettres", lang) for lang in ("fr", "it")),
        *(("tuxpaint", lang) for lang in ("fr", "it", "ru")),
    ),
}
SYMBOL_SOURCES = {
    "asterisk": sources.asterisk_symbols,
    "klettres": sources.klettres_letters,
    "tuxpaint": sources.tuxpaint_symbols,
}
# These letters are called by the name of another one in another language (English e
# is French i, English g is nearly French j): they are taken from English voices only.
# The Russian prompts say the English names.
AMBIGUOUS_LETTERS = "aegij"
ENGLISH_NAMES = ("en", "en_GB", "ru")
# The Spanish prompt of zero has the published text "diez" (ten).
WRONG_SYMBOLS = ("asterisk-es-digits_0-symbol",)


def phone_recognition(trees: Trees, most: Most) -> Splits:
    """Define pr: the phones of festvox-ru, one reader."""
    divided = divide_festvox(speech.festvox_ru(trees))
    return {
        role: [
            Row(row.speech, {"transcription": " ".join(_phones(row))})
            for row in take((Row((alone(c),), {}) for c in divided[role]), most[role])
        ]
        for role in ROLES
    }


def phones_of_prompts(trees: Trees, most: Most) -> Splits:
    """Define the quick pr: phones of Italian prompts, one voice, by their spelling.

    Prompts with digits or foreign letters are left out, and single words are not.
    """
    rows: Splits = {role: [] for role in ROLES}
    for clip in speech.asterisk(trees, "it"):
        spoken = italian.phones(clip.text)
        if spoken:
            row = Row((alone(clip),), {"transcription": " ".join(spoken)})
            rows[prompt_role(clip.key)].append(row)
    return {role: take(rows[role], most[role]) for role in ROLES}


def _phones(row: Row) -> list[str]:
    return sources.phone_labels(row.speech[0].clips[0])


def speech_recognition(trees: Trees, most: Most) -> Splits:
    """Define asr: Russian characters; see `russian_sentences`."""
    parts = zip(ROLES, russian_sentences(trees), strict=True)
    return {
        role: take(
            (Row((u,), {"transcription": u.text}, u.speaker) for u in utterances),
            most[role],
        )
        for role, utterances in parts
    }


def prompt_family(key: str) -> str:
    """Give the family of a prompt id, empty if it has none that is used."""
    return FAMILIES.get(re.split("[-/]", key)[0], "")


def intent_classification(trees: Trees, most: Most) -> Splits:
    """Define ic: what a telephone prompt is for, in five languages.

    One slot. The language would be a second, but it is also the voice and the studio:
    it would be got for nothing.
    """
    rows: Splits = {role: [] for role in ROLES}
    for lang in PROMPT_LANGS:
        for clip in speech.asterisk(trees, lang):
            family = prompt_family(clip.key)
            if family:
                row = Row((alone(clip),), {"labels": family}, family)
                rows[prompt_role(clip.key)].append(row)
    return {role: take(rows[role], most[role]) for role in ROLES}


def keyword_spotting(trees: Trees, most: Most) -> Splits:
    """Define ks: which digit or letter is said; voices of the test are unseen."""
    return {
        role: take(
            (
                Row((alone(clip),), {"label": clip.text}, clip.text)
                for clip in _symbols(trees, role)
            ),
            most[role],
        )
        for role in ROLES
    }


def _symbols(trees: Trees, role: Role) -> Iterator[Clip]:
    for source, lang in SYMBOL_VOICES[role]:
        for clip in SYMBOL_SOURCES[source](trees, lang):
            clear = clip.text not in AMBIGUOUS_LETTERS or lang in ENGLISH_NAMES
            if clear and clip.id not in WRONG_SYMBOLS:
                yield clip
