"""Data directories for pre-training: speech whose licences let weights be passed on.

Only packages under CC-BY or a BSD-like licence: festvox-ru and the Italian and Russian
prompts of asterisk. Of these, only what enhancement trains on, so that no test of any
recipe here has been seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from corpus import speech
from corpus.clean_sets import (
    Say,
    at_most,
    one_set,
    versions,
    write_clean,
    write_tables,
)
from corpus.clips import Clip, duration
from corpus.downstream.roles import divide_festvox, prompt_role
from corpus.packages import PACKAGES, Package
from corpus.splits import Utterance
from espnet2_ext.errors import UserError

SETS = ("train", "valid")
PROMPTS = ("it", "ru")
SOURCES = (
    *(f"asterisk-core-sounds-{lang}" for lang in PROMPTS),
    *(f"asterisk-core-sounds-{lang}-g722" for lang in PROMPTS),
    "festvox-ru",
)
MIN_SECONDS = 1.0  # shorter prompts would shrink the crops of a whole batch


def ssl_packages() -> list[Package]:
    """List the packages of permissively licensed speech."""
    return [package for package in PACKAGES if package.name in SOURCES]


def ssl_utterances(trees: Mapping[str, Path]) -> dict[str, list[Utterance]]:
    """Give the utterances of train and valid, one clip each.

    Train: festvox-ru 1-540 and eight tenths of the prompt ids. Valid: festvox-ru
    581-620 and another tenth. The last tenth, which tests use, is in neither.

    Raises:
        UserError: if one of the two is empty.
    """
    clips: dict[str, list[Clip]] = {name: [] for name in SETS}
    festvox = divide_festvox(speech.festvox_ru(trees))
    for name in SETS:
        clips[name] += festvox["train" if name == "train" else "valid"]
    for lang in PROMPTS:
        for clip in speech.asterisk(trees, lang):
            if (role := prompt_role(clip.key)) in SETS and (
                duration(clip) >= MIN_SECONDS
            ):
                clips[role].append(clip)
    if not all(clips.values()):
        raise UserError(
            f"found {len(clips['train'])} clips for training and "
            f"{len(clips['valid'])} for validation; expected some of each. They are in "
            f"the packages {' '.join(SOURCES)}."
        )
    return {name: [Utterance(c.id, (c,)) for c in clips[name]] for name in SETS}


def write_ssl_sets(
    trees: Mapping[str, Path],
    data_dir: Path,
    max_utts: Mapping[str, int],
    jobs: int = 1,
    say: Say = print,
) -> None:
    """Write data/{train,valid}; what is complete and the same stays.

    Args:
        trees: package name -> unpacked tree.
        data_dir: where the directories go.
        max_utts: at most so many utterances of a set, evenly spaced (0 or absent: all).
        jobs: parallel processes.
        say: prints a line of progress.

    Raises:
        UserError: if the packages give no speech, or a clip is unreadable.
    """
    for name, found in ssl_utterances(trees).items():
        utterances = at_most(found, max_utts.get(name, 0))
        folder = data_dir / name
        with one_set(folder, [versions(trees)], utterances, say) as missing:
            if missing:
                write_tables(folder, utterances, write_clean(folder, utterances, jobs))
