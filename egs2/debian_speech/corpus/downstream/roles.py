"""Which recordings may train, select and test a downstream task.

Enhancement has trained on some recordings (`debian.splits`); none of those may be in a
downstream test. The rules here hold for every corpus size and every task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, TypeVar

from corpus.splits import FESTVOX_TRAIN, FESTVOX_VALID

Role = Literal["train", "valid", "test"]
ROLES: tuple[Role, ...] = ("train", "valid", "test")

T = TypeVar("T")


def prompt_role(key: str) -> Role:
    """Give the role of a prompt id, the same in every language and task.

    Test is the tenth of the ids that enhancement does not train on either
    (`splits.is_valid_prompt`); valid another tenth.
    """
    tenth = hashlib.sha256(key.encode()).digest()[0] % 10
    return "test" if tenth == 0 else "valid" if tenth == 1 else "train"


def divide_festvox(sentences: Sequence[T]) -> dict[Role, list[T]]:
    """Divide the sentences of festvox-ru in the order of the recording.

    Enhancement trains on the first 540 and validates on the last 40; the 40 between
    are in no set of it, so they are the test.
    """
    return {
        "train": list(sentences[:FESTVOX_TRAIN]),
        "valid": list(sentences[FESTVOX_TRAIN:][-FESTVOX_VALID:]),
        "test": list(sentences[FESTVOX_TRAIN:][:-FESTVOX_VALID]),
    }
