"""One utterance must not end ESPnet's enhancement or decoding of a set.

``protect`` puts a guard around ``espnet2.bin.enh_inference`` and ``asr_inference``:

- audio below ``SHORTEST`` is padded with silence, because the frames of an STFT need
  some samples; enhanced audio is cut to its length again;
- an enhancer that makes no numbers of digital silence (normalised by its power) gives
  silence;
- an utterance that fails otherwise (an exception, out of memory, samples that are not
  finite) is named, and all others are done; then the command ends with exit code 2: a
  file that is missing must not vanish from the table.

What goes well is what ESPnet alone gives, bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import torch

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.metrics.limits import is_silent

SHORTEST = 0.1  # s
RATE = 16000  # Hz, of recognisers, whose interface has none


class Failed:
    """Stands for the result of an utterance that failed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


def protect(module: ModuleType) -> Callable[[], None]:
    """Guard ``main`` of ``espnet2.bin.enh_inference`` or ``asr_inference``.

    Returns:
        A ``main()`` that raises ``UserError`` when all is done, naming what failed.
    """
    failures: dict[str, str] = {}
    if module.__name__ == "espnet2.bin.enh_inference":
        guard, done = _guard_enhancement, "enhanced"
        advice = "enhance long ones in parts (--segment_size and --hop_size)"
    else:
        guard, done = _guard_recogniser, "recognised"
        advice = "decode with a smaller --beam_size"

    def main() -> None:
        guard(module, failures)
        module.main()
        if failures:
            named = [f"{utt}: {reason}" for utt, reason in failures.items()]
            raise UserError(
                f"{len(failures)} utterances cannot be {done}, all others are:\n"
                + shorten(named, "\n")
                + f"\nCorrect their audio, {advice}, or take them out of the set."
            )

    return main


def pad_short(wav: Any, fs: int) -> torch.Tensor:
    """Pad (B, T) or (B, T, C) samples at ``fs`` Hz with zeros to ``SHORTEST``."""
    tensor = torch.as_tensor(wav)
    missing = max(0, round(SHORTEST * fs) - tensor.size(1))
    shape = (tensor.size(0), missing, *tensor.shape[2:])
    return torch.cat([tensor, tensor.new_zeros(shape)], dim=1) if missing else tensor


def _reason(error: Exception) -> str:
    logging.warning("this utterance failed", exc_info=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0] if text else ''}"


def _guard_enhancement(module: Any, failures: dict[str, str]) -> None:
    class SeparateSpeech(module.SeparateSpeech):
        def __call__(self, speech_mix: Any, fs: int = 8000, **others: Any) -> list:
            try:
                padded = pad_short(speech_mix, fs)
                waves = super().__call__(padded, fs=fs, **others)
            except Exception as error:
                return [[Failed(_reason(error))]] * self.num_spk
            waves = [wave[:, : speech_mix.shape[1]] for wave in waves]
            if all(np.isfinite(wave).all() for wave in waves):
                return waves
            if is_silent(np.ravel(speech_mix)):
                return [np.zeros_like(wave) for wave in waves]
            return [[Failed("gives samples that are not finite numbers")]] * len(waves)

    class SoundScpWriter(module.SoundScpWriter):
        def __setitem__(self, key: str, value: tuple) -> None:
            if isinstance(value[1], Failed):
                failures[key] = value[1].reason
            else:
                super().__setitem__(key, value)

    module.SeparateSpeech, module.SoundScpWriter = SeparateSpeech, SoundScpWriter


class _Watched:
    """A loader that remembers the ids it gave last."""

    keys: tuple[str, ...] = ()

    def __init__(self, loader: Iterable) -> None:
        self._loader = loader

    def __iter__(self) -> Iterator:
        for keys, batch in self._loader:
            _Watched.keys = tuple(keys)
            yield keys, batch


def _guard_recogniser(module: Any, failures: dict[str, str]) -> None:
    too_short = module.TooShortUttError  # to ESPnet: an utterance without words

    class Speech2Text(module.Speech2Text):
        def __call__(self, speech: Any) -> Any:
            try:
                if not torch.isfinite(torch.as_tensor(speech)).all():
                    raise ValueError("has samples that are not finite numbers")
                return super().__call__(pad_short(speech[None], RATE)[0])
            except too_short:
                raise
            except Exception as error:
                reason = _reason(error)
                failures[", ".join(_Watched.keys)] = reason
                raise too_short(reason, len(speech), 0) from error

    class ASRTask(module.ASRTask):
        @classmethod
        def build_streaming_iterator(cls, *args: Any, **kwargs: Any) -> _Watched:
            return _Watched(super().build_streaming_iterator(*args, **kwargs))

    module.Speech2Text, module.ASRTask = Speech2Text, ASRTask
