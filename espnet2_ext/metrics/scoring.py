"""Score utterances: pairs of reference and estimate in, one dict per utterance out.

One utterance never takes the others with it. What a scorer cannot judge
(`espnet2_ext.metrics.limits`), or dies of, is ``None``; why stands in the line under
``no_value``: key -> reason, or ``audio`` -> reason where no scorer can.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import RATE, resample
from espnet2_ext.fileio.journal import Journal
from espnet2_ext.fileio.scp import PathLike, atomic_write
from espnet2_ext.metrics import asr, signal
from espnet2_ext.metrics.items import ScoredItem, check_items, read_pair
from espnet2_ext.metrics.judge import time_limit
from espnet2_ext.metrics.quantity import AUDIO, NO_VALUE, SSL_PREFIX, WER_PREFIX
from espnet2_ext.metrics.settings import Settings
from espnet2_ext.metrics.worker import Crashed, Worker

Distance = Callable[[np.ndarray, np.ndarray, int], float]
REPORT_EVERY = 10.0  # s between progress lines
DIGITS = 6  # kept of a value: hides the last-bit noise of threads and libraries


class LoadError(UserError):
    """A scorer cannot be loaded: no fault of an utterance."""


def _load_distance(conf: Mapping[str, Any]) -> Distance:
    import torch

    from espnet2_ext.enh.loss.criterions.ssl import SSLLoss

    loss = SSLLoss(**conf)
    loss.load()

    def distance(ref: np.ndarray, est: np.ndarray, fs: int) -> float:
        pair = [torch.from_numpy(resample(wav, fs, RATE)[None]) for wav in (ref, est)]
        with torch.no_grad():
            return float(loss(*pair))

    return distance


@dataclass(frozen=True)
class _Question:
    """One scorer and one utterance, for the child process."""

    key: str
    ref: np.ndarray
    inf: np.ndarray
    fs: int
    text: str | None


Answer = tuple[dict[str, Any], str]  # values, and the reason where they are None


class _Judges:
    """Answers questions in the child process, where the models are."""

    def __init__(self, settings: Settings) -> None:
        self._confs = settings.ssl or {}
        self._distances: dict[str, Distance] = {}

    def forget(self) -> None:
        """Drop the models of the parent, whose threads are not in this process."""
        signal._dnsmos_model.cache_clear()
        for recogniser in asr.RECOGNISERS.values():
            getattr(recogniser.load, "cache_clear", lambda: None)()

    def answer(self, question: _Question) -> Answer:
        """Compute one scorer's values."""
        key, pair = question.key, (question.ref, question.inf)
        if key.startswith(SSL_PREFIX):
            distance = self._load(key)
            value = distance(*pair, question.fs)
            return ({key: value}, "") if math.isfinite(value) else ({}, f"is {value}")
        if key.startswith(WER_PREFIX):
            assert question.text is not None
            self._load(key)
            name = key.removeprefix(WER_PREFIX)
            hypothesis = asr.transcribe(name, question.inf, question.fs)
            count = asr.word_errors(question.text, hypothesis)
            return {key: count.to_json(hypothesis)}, ""
        values = signal.SIGNAL_METRICS[key].compute(*pair, question.fs)
        return dict(values), getattr(values, "reason", "")

    def _load(self, key: str) -> Any:
        try:
            if key.startswith(WER_PREFIX):
                return asr.recogniser(key.removeprefix(WER_PREFIX)).load()
            stem = key.removeprefix(SSL_PREFIX)
            if stem not in self._distances:
                self._distances[stem] = _load_distance(self._confs[stem])
            return self._distances[stem]
        except UserError as error:
            raise LoadError(str(error)) from error


class Scorer:
    """Computes one score line, in a child process that may die of an utterance."""

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.settings = settings
        judges = _Judges(settings)
        self._worker = Worker(judges.answer, judges.forget)

    def score(
        self, ref: np.ndarray, inf: np.ndarray, fs: int, text: str | None
    ) -> dict[str, Any]:
        """Score one utterance.

        Args:
            ref: reference, float32, shape (T,).
            inf: estimate, float32, shape (T,).
            fs: rate in Hz.
            text: what is said, in English; ``None`` skips the recognisers.

        Returns:
            Values rounded to ``DIGITS`` decimals, and word errors with the hypothesis;
            ``None`` with the reason under ``no_value`` where there is no value.

        Raises:
            UserError: if a scorer cannot be loaded.
        """
        line: dict[str, Any] = {}
        reasons: dict[str, str] = {}
        for scorer, keys in self.settings.scorers(text is not None).items():
            question = _Question(scorer, ref, inf, fs, text)
            values, reason = self._ask(question)
            for key in keys:
                value = values.get(key)
                line[key] = round(value, DIGITS) if isinstance(value, float) else value
                if value is None:
                    reasons[key] = reason
        return {**line, NO_VALUE: reasons} if reasons else line

    def _ask(self, question: _Question) -> Answer:
        seconds = time_limit(len(question.ref), question.fs)
        try:
            return self._worker.ask(question, seconds)
        except LoadError:
            raise
        except UserError as error:
            return {}, str(error)
        except Crashed as crash:
            return {}, str(crash)
        except Exception as error:
            return {}, f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """End the child process."""
        self._worker.close()


def score_items(
    items: Sequence[ScoredItem],
    settings: Settings,
    output: PathLike,
    whole: bool = True,
) -> int:
    """Score ``items`` into ``output`` (JSON lines sorted by utterance id).

    ``output`` appears when it is complete; finished utterances are kept in
    ``<output>.journal``, so a killed job goes on where it was. The settings are written
    beside it as ``<output stem>.settings.json``. ``whole`` as for `check_items`.

    Returns:
        How many utterances were taken from the journal.
    """
    settings.check()
    check_items(items, settings, whole)
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    scorer = Scorer(settings)
    lines: list[dict[str, Any]] = []
    reused = 0
    progress = Progress(len(items))
    with Journal(f"{output}.journal", settings.to_json()) as journal:
        for item in sorted(items, key=lambda item: item.utt.encode()):
            score, known = _score_item(item, scorer, journal)
            reused += known
            lines.append({"utt": item.utt, **score})
            progress.step()
    scorer.close()
    with atomic_write(output.with_suffix(".settings.json")) as stream:
        json.dump(settings.to_json(), stream, indent=1)
    with atomic_write(output) as stream:
        stream.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in lines)
    return reused


def _score_item(
    item: ScoredItem, scorer: Scorer, journal: Journal
) -> tuple[dict[str, Any], bool]:
    """Return the score line, and whether it was in the journal."""
    try:
        ref, inf, fs = read_pair(item)
    except UserError as error:  # `check_items` has warned
        scorers = scorer.settings.scorers(item.text is not None)
        values = {key: None for keys in scorers.values() for key in keys}
        return {**values, NO_VALUE: {AUDIO: str(error)}}, False
    digest = _digest(ref, inf, fs, item.text)
    known = journal.get(item.utt, digest)
    if known is not None:
        return known, True
    score = scorer.score(ref, inf, fs, item.text)
    for key, reason in score.get(NO_VALUE, {}).items():
        if reason != signal.EQUAL:
            logging.warning("%s: %s has no value: %s", item.utt, key, reason)
    journal.add(item.utt, digest, score)
    return score, False


def _digest(ref: np.ndarray, inf: np.ndarray, fs: int, text: str | None) -> str:
    digest = hashlib.sha256(repr((fs, text)).encode())
    digest.update(ref.tobytes())
    digest.update(inf.tobytes())
    return digest.hexdigest()


class Progress:
    """A line on stderr every ``REPORT_EVERY`` seconds: done, speed, time left."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.start = self.reported = time.monotonic()

    def step(self) -> None:
        """Count one utterance as done."""
        self.done += 1
        now = time.monotonic()
        if now - self.reported < REPORT_EVERY and self.done < self.total:
            return
        self.reported = now
        each = (now - self.start) / self.done
        left = each * (self.total - self.done)
        print(
            f"scored {self.done}/{self.total} utterances, {each:.1f} s each, "
            f"{left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
