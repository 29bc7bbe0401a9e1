"""SpkSim: does the estimate still sound like the same speaker?"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from espnet2_ext.fileio.audio import RATE, resample, within_unit_range
from espnet2_ext.fileio.wheels import pinned_file
from espnet2_ext.metrics.judge import judge
from espnet2_ext.metrics.limits import NoValue

WHEEL, MODULE = "Resemblyzer==0.1.4", "resemblyzer"
WEIGHTS = "pretrained.pt"
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

LEVEL_DB = -30.0  # of the mean square, full scale 0 dB


@functools.cache
def load_speaker_encoder() -> Any:
    """Load Resemblyzer's GE2E encoder (Wan et al., 2018) on the CPU.

    Raises:
        UserError: if the pinned wheel is not installed, or holds other weights.
    """
    pinned_file("SPK_SIM", WHEEL, MODULE, WEIGHTS, SHA256)
    with warnings.catch_warnings():  # of modules whose names SciPy has changed
        warnings.simplefilter("ignore", DeprecationWarning)
        import resemblyzer
    return resemblyzer.VoiceEncoder("cpu", verbose=False)


def embed(wav: np.ndarray, fs: int) -> np.ndarray | None:
    """Embed (T,) samples at ``fs`` Hz: (256,) of length 1; ``None`` without a voice.

    Resemblyzer's own preparation cuts long pauses out; it hears any speech at
    ``LEVEL_DB``, to which it would amplify quiet speech alone.
    """
    encoder = load_speaker_encoder()
    from resemblyzer import preprocess_wav

    wav = resample(wav, fs, RATE).astype(np.float64)
    level = 10 ** (LEVEL_DB / 20) / np.sqrt(np.mean(wav**2))
    voiced = preprocess_wav(within_unit_range(level * wav).astype(np.float32), RATE)
    return encoder.embed_utterance(voiced) if len(voiced) else None


@judge("SPK_SIM", ("SPK_SIM",))
def spk_sim(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Cosine of the speaker embeddings of reference and estimate, 0 to 1.

    0 where no voice is found in the estimate.

    Args:
        ref: reference, shape (T,).
        est: estimate, shape (T,).
        fs: rate in Hz; resampled to 16 kHz.
    """
    clean, enhanced = embed(ref, fs), embed(est, fs)
    if clean is None:
        raise NoValue("no voice is found in the reference")
    return (0.0 if enhanced is None else float(clean @ enhanced),)
