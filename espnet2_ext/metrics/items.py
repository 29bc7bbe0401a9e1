"""What is scored: utterances with reference and estimate, and which are in order."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import iter_scp, read_scp
from espnet2_ext.metrics.judge import too_low
from espnet2_ext.metrics.limits import LIMITS, pair_problem
from espnet2_ext.metrics.settings import Settings

ENGLISH = ("en", "eng")


@dataclass(frozen=True)
class ScoredItem:
    """One utterance: where its audio is, and its English text if it has one."""

    utt: str
    est: str
    ref: str
    text: str | None


def pair_items(
    ref_scp: str,
    inf_scp: str,
    key_file: str | None = None,
    text: str | None = None,
    utt2lang: str | None = None,
) -> list[ScoredItem]:
    """Pair references and estimates by id.

    Args:
        ref_scp, inf_scp: ID AUDIO.
        key_file: the ids to score; None means all of ``ref_scp``.
        text: ID WORDS; None if nothing is recognised.
        utt2lang: see `read_english`.

    Raises:
        UserError: listing the ids that are missing in one of the lists.
    """
    refs, infs = read_scp(ref_scp), read_scp(inf_scp)
    keys = [key for _, key, _ in iter_scp(key_file or ref_scp)]
    problems = []
    if not key_file and (extra := sorted(set(infs) - set(refs))):
        problems.append(f"{ref_scp} lacks {shorten(extra)}")
    words = {text: read_scp(text)} if text else {}
    for path, table in {ref_scp: refs, inf_scp: infs, **words}.items():
        if lost := [key for key in keys if key not in table]:
            problems.append(f"{path} lacks {shorten(lost)}")
    if problems:
        raise UserError(
            "the ids do not agree; each must be in all tables:\n" + "\n".join(problems)
        )
    english = read_english(text, utt2lang) if text else {}
    return [
        ScoredItem(utt=key, est=infs[key], ref=refs[key], text=english.get(key))
        for key in keys
    ]


def read_english(text: str, utt2lang: str | None = None) -> dict[str, str]:
    """Read the English texts of a list, which recognisers can judge.

    Args:
        text: ID WORDS.
        utt2lang: ID LANGUAGE; None means the file ``utt2lang`` beside ``text``. Without
            such a file all texts are English.

    Raises:
        UserError: if ``utt2lang`` lacks ids.
    """
    texts = read_scp(text)
    path = Path(utt2lang or Path(text).with_name("utt2lang"))
    if utt2lang is None and not path.is_file():
        return texts
    languages = read_scp(path)
    if missing := [utt for utt in texts if utt not in languages]:
        raise UserError(f"{path}: ids of {text} missing: {shorten(missing)}")
    return {utt: words for utt, words in texts.items() if languages[utt] in ENGLISH}


def read_pair(item: ScoredItem) -> tuple[np.ndarray, np.ndarray, int]:
    """Read estimate and reference, both (T,) float32 at one rate in Hz.

    Raises:
        UserError: if audio cannot be read, shape or rate differ, or there is more than
            one channel, or a sample is not finite.
    """
    ref, fs = read_audio(item.ref)
    est, fs_est = read_audio(item.est)
    if fs != fs_est:
        raise UserError(f"reference has {fs} Hz, estimate {fs_est} Hz")
    if problem := pair_problem(ref, est):
        raise UserError(problem)
    return est, ref, fs


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
