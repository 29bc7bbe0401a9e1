"""The scorers of one utterance, in a child process that may die of it.

What a scorer cannot judge (`espnet2_ext.metrics.limits`), or dies of, is ``None``; why
stands in the line under ``no_value``: key -> reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import RATE, resample
from espnet2_ext.metrics import asr, signal
from espnet2_ext.metrics.judge import time_limit
from espnet2_ext.metrics.quantity import NO_VALUE, SSL_PREFIX, WER_PREFIX
from espnet2_ext.metrics.settings import Settings
from espnet2_ext.metrics.worker import Crashed, Worker

Distance = Callable[[np.ndarray, np.ndarray, int], float]
DIGITS = 6  # kept of a value: hides the last-bit noise of threads and libraries


class LoadError(UserError):
    """A scorer cannot be loaded: no fault of an utterance."""


def _load_distance(conf: Mapping[str, Any]) -> Distance:
    import torch

    from espnet2_ext.enh.loss.conf import read_conf

    _, measure = read_conf(conf)
    measure.load()

    def distance(est: np.ndarray, ref: np.ndarray, fs: int) -> float:
        pair = [torch.from_numpy(resample(wav, fs, RATE)[None]) for wav in (est, ref)]
        with torch.no_grad():
            return float(measure(*pair))

    return distance


@dataclass(frozen=True)
class _Question:
    """One scorer and one utterance, for the child process."""

    key: str
    est: np.ndarray
    ref: np.ndarray
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
        key, est, ref = question.key, question.est, question.ref
        if key.startswith(SSL_PREFIX):
            distance = self._load(key)
            value = distance(est, ref, question.fs)
            return ({key: value}, "") if math.isfinite(value) else ({}, f"is {value}")
        if key.startswith(WER_PREFIX):
            assert question.text is not None
            self._load(key)
            name = key.removeprefix(WER_PREFIX)
            hypothesis = asr.transcribe(name, est, question.fs)
            count = asr.word_errors(question.text, hypothesis)
            return {key: count.to_json(hypothesis)}, ""
        values = signal.SIGNAL_METRICS[key].compute(ref, est, question.fs)
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
        self, est: np.ndarray, ref: np.ndarray, fs: int, text: str | None
    ) -> dict[str, Any]:
        """Score one utterance.

        Args:
            est: estimate, float32, shape (T,).
            ref: reference, float32, shape (T,).
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
            question = _Question(scorer, est, ref, fs, text)
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
