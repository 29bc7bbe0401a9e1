"""What is scored: utterances with reference and estimate, and which are in order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.metrics.judge import too_low
from espnet2_ext.metrics.limits import LIMITS, pair_problem
from espnet2_ext.metrics.settings import Settings


@dataclass(frozen=True)
class ScoredItem:
    """One utterance: where its audio is, and its English text if it has one."""

    utt: str
    ref: str
    inf: str
    text: str | None


def read_pair(item: ScoredItem) -> tuple[np.ndarray, np.ndarray, int]:
    """Read reference and estimate, both (T,) float32 at one rate in Hz.

    Raises:
        UserError: if audio cannot be read, shape or rate differ, or there is more than
            one channel, or a sample is not finite.
    """
    ref, fs = read_audio(item.ref)
    inf, fs_inf = read_audio(item.inf)
    if fs != fs_inf:
        raise UserError(f"reference has {fs} Hz, estimate {fs_inf} Hz")
    if problem := pair_problem(ref, inf):
        raise UserError(problem)
    return ref, inf, fs


def check_items(items: Sequence[ScoredItem], settings: Settings, whole: bool) -> None:
    """Read all audio once before the long work starts; warn of what has no scores.

    Args:
        items: to be scored.
        settings: whose metrics must take the rate.
        whole: whether these are a whole set and not one job's part: then an error in
            more than half of them is one of the tables, and not of an utterance.

    Raises:
        UserError: listing the utterances that cannot be scored, where they are too
            many; or if a metric cannot take the rate of any.
    """
    problems = []
    rates = set()
    for item in items:
        try:
            rates.add(read_pair(item)[2])
        except UserError as error:
            problems.append(f"{item.utt}: {error}")
    check_share(problems, len(items) if whole else 0)
    if problems:
        logging.warning("no scores for these utterances:\n%s", "\n".join(problems))
    for name in settings.metrics:
        if rates and max(rates) < LIMITS[name].lowest_rate:
            raise UserError(too_low(name, max(rates)))


def check_share(problems: Sequence[str], total: int) -> None:
    """Check that at most half of ``total`` utterances cannot be scored (0: any number).

    Raises:
        UserError: listing them.
    """
    if 0 < total < 2 * len(problems):
        raise UserError(
            f"{len(problems)} of {total} utterances cannot be scored:\n"
            + shorten(problems, "\n")
            + "\nEnhance them again, or correct the audio."
        )
