"""LPS: are the phones of the clean speech still recognised in the estimate?"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from espnet2_ext.fileio.audio import RATE, resample
from espnet2_ext.fileio.wheels import pinned_file
from espnet2_ext.metrics.judge import judge
from espnet2_ext.metrics.limits import NoValue, is_silent

WHEEL, MODULE = "hama==1.7.0", "hama"
WEIGHTS = "assets/asr_waveform.hama"
SHA256 = "a9fcfe73e179ca48e399cd76a90a6b3e1887bf5037ecc52b778d13a149563328"
PEAK = 0.7  # the recogniser hears quiet speech worse
KEPT = 4  # phones of references that several metrics or calls ask for


@functools.cache
def load_phone_recogniser() -> Callable[[np.ndarray], list[str]]:
    """Load hama's phone recogniser: (T,) samples at 16 kHz -> IPA phones.

    Raises:
        UserError: if the pinned wheel is not installed, or holds other weights.
    """
    pinned_file("LPS", WHEEL, MODULE, WEIGHTS, SHA256)
    import hama

    model = hama.ASRModel()

    def phones(wav: np.ndarray) -> list[str]:
        loud = wav * (PEAK / np.max(np.abs(wav)))
        return list(model.transcribe_waveform(loud.astype(np.float32), RATE).phonemes)

    return phones


@functools.lru_cache(maxsize=KEPT)
def _known_phones(samples: bytes) -> tuple[str, ...]:
    return tuple(load_phone_recogniser()(np.frombuffer(samples, dtype=np.float32)))


def phones_of(wav: np.ndarray, fs: int) -> tuple[str, ...]:
    """Recognise the phones of (T,) samples at ``fs`` Hz, at any level."""
    if is_silent(wav):
        return ()
    return _known_phones(resample(wav, fs, RATE).astype(np.float32).tobytes())


@judge("LPS", ("LPS",))
def lps(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Levenshtein phone similarity in %: 100 (1 - distance / phones of the reference).

    Pirklbauer et al. (2023), as the URGENT challenges use it. Both are transcribed by
    the same recogniser, so no text is needed, in any language; below 0 where there are
    more errors than phones.

    Args:
        ref: reference, shape (T,).
        est: estimate, shape (T,).
        fs: rate in Hz; resampled to 16 kHz.
    """
    from rapidfuzz.distance import Levenshtein

    clean = phones_of(ref, fs)
    if not clean:
        raise NoValue("no phone is recognised in the reference")
    errors = Levenshtein.distance(clean, phones_of(est, fs))
    return (100 * (1 - errors / len(clean)),)
