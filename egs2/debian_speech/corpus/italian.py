"""Phones of Italian texts by rule: Italian is written nearly as it is spoken."""

from __future__ import annotations

import re
import unicodedata

# Spelling -> phones (IPA); the first that fits. c, g and sc are soft before e and i,
# and an i between them and another vowel is silent. A doubled consonant has the label
# of the single one. What spelling does not tell (open vowels, voiced s and z) is not
# told apart here either.
RULES = tuple(
    (re.compile(spelling), phones)
    for spelling, phones in (
        (r"gli(?=[aeou])|gl(?=i)", ("ʎ",)),
        (r"gn", ("ɲ",)),
        (r"sci(?=[aou])|sc(?=[ei])", ("ʃ",)),
        (r"c?ci(?=[aou])|c?c(?=[ei])", ("tʃ",)),
        (r"g?gi(?=[aou])|g?g(?=[ei])", ("dʒ",)),
        (r"[cq]?qu", ("k", "w")),
        (r"c?ch?", ("k",)),
        (r"g?gh?", ("ɡ",)),
        (r"zz?", ("ts",)),
        (r"h", ()),
        *((f"{letter}{letter}?", (letter,)) for letter in "bdflmnprstv"),
        *((vowel, (vowel,)) for vowel in "aeiou"),
    )
)


def phones(text: str) -> list[str]:
    """Give the phones of an Italian text, words one after another.

    Returns:
        IPA symbols; empty if the text has digits or letters that Italian lacks (j, k,
        w, x, y), which can be read in more than one way.
    """
    plain = unicodedata.normalize("NFKD", text.lower())  # accents mark the stress
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = re.sub(r"[.,:;!?«»\"'’()…-]", "", plain).split()
    found: list[str] = []
    for word in words:
        position = 0
        while position < len(word):
            part = next(
                (
                    (m, made)
                    for rule, made in RULES
                    if (m := rule.match(word, position))
                ),
                None,
            )
            if part is None:
                return []
            found += part[1]
            position = part[0].end()
    return found
