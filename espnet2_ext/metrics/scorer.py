"""The scorers of one utterance, in a child process that may die of it.

What a scorer cannot judge (`espnet2_ext.metrics.limits`), or dies of, is ``None``; why
stands in the line under ``no_value``: key -> reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import asr
from espnet2_ext.metrics.judge import time_limit
from espnet2_ext.metrics.quantity import NO_VALUE, SSL_PREFIX, WER_PREFIX
from espnet2_ext.metrics.registry import METRICS
from espnet2_ext.metrics.settings import Settings
from espnet2_ext.metrics.ssl_scores import SSLScores
from espnet2_ext.metrics.worker import Crashed, Worker

DIGITS = 6  # kept of a value: hides the last-bit noise of threads and libraries


class LoadError(UserError):
    """A scorer cannot be loaded: no fault of an utterance."""


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
        self._ssl: dict[str, SSLScores] = {}
        self._of_parent: list[Any] = []

    def forget(self) -> None:
        """Drop the models of the parent, whose threads are not in this process."""
        loaders: list[Any] = [metric.load for metric in METRICS.values()]
        loaders += [recogniser.load for recogniser in asr.RECOGNISERS.values()]
        for load in loaders:
            if hasattr(load, "cache_info") and load.cache_info().currsize:
                # kept: to free it would wait for its threads, for ever
                self._of_parent.append(load())
                load.cache_clear()

    def answer(self, question: _Question) -> Answer:
        """Compute one scorer's values."""
        key, est, ref = question.key, question.est, question.ref
        if key.startswith(SSL_PREFIX):
            values = self._load(key)(est, ref, question.fs)
            odd = [value for value in values.values() if not math.isfinite(value)]
            return ({}, f"is {odd[0]}") if odd else (values, "")
        if key.startswith(WER_PREFIX):
            assert question.text is not None
            self._load(key)
            name = key.removeprefix(WER_PREFIX)
            hypothesis = asr.transcribe(name, est, question.fs)
            count = asr.word_errors(question.text, hypothesis)
            return {key: count.to_json(hypothesis)}, ""
        metric = METRICS[key]
        self._load(key)
        found = metric.compute(ref, est, question.fs)
        return dict(found), getattr(found, "reason", "")

    def _load(self, key: str) -> Any:
        try:
            if key.startswith(WER_PREFIX):
                return asr.recogniser(key.removeprefix(WER_PREFIX)).load()
            if key in METRICS:
                load = METRICS[key].load
                return load() if load else None
            stem = key.removeprefix(SSL_PREFIX)
            if stem not in self._ssl:
                self._ssl[stem] = SSLScores(stem, self._confs[stem])
            return self._ssl[stem]
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
