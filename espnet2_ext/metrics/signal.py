"""Signal metrics: functions ``(ref, est, fs) -> {key: value}``.

The numbers are those of maintained libraries; this file only fixes the argument
order, the units and what a degenerate input means (`espnet2_ext.metrics.limits`):

- *Silent estimate* (constant samples): the bottom of each scale, so that losing an
  utterance never looks good: ``-LIMIT_DB``, ESTOI and STOI 0, PESQ and DNSMOS 1.
- *Estimate identical to the reference* (the row "clean"): SI-SNR and SDR have no
  error to divide by and are ``None``; PESQ, ESTOI and STOI give their maximum.
- *Silent reference*, audio beyond a scorer's limits, a library that finds no speech or
  crashes: ``None``, with a warning and a reason.

``None`` is left out of means and counted (`espnet2_ext.metrics.result.Mean`).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable

import numpy as np

from espnet2_ext.fileio.audio import RATE, resample
from espnet2_ext.metrics.judge import fixed_seed, judge, time_limit
from espnet2_ext.metrics.limits import LIMIT_DB, NoValue
from espnet2_ext.metrics.pesq_speech import check_room
from espnet2_ext.metrics.worker import Crashed, isolated

EQUAL = "equals its reference: there is no error"
LEVEL = "is its reference at another level: there is no error"
ROUNDING_DB = 0.01  # what the clamp of the library loses


def _ratio_db(
    function: Callable[..., np.ndarray], ref: np.ndarray, est: np.ndarray
) -> tuple[float]:
    if np.array_equal(ref, est):
        raise NoValue(EQUAL, expected=True)
    pair = (np.asarray(wav, dtype=np.float64)[None] for wav in (ref, est))
    value = float(function(*pair, clamp_db=LIMIT_DB)[0])
    if value > LIMIT_DB - ROUNDING_DB:
        raise NoValue(LEVEL, expected=True)
    return (value,)


@judge("SI_SNR", ("SI_SNR",))
def si_snr(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Scale-invariant signal-to-noise ratio in dB, means removed.

    Le Roux et al. (2019), "SDR - half-baked or well done?", Eq. 5.

    Args:
        ref: reference, shape (T,).
        est: estimate, shape (T,).
        fs: rate in Hz (not used).
    """
    import fast_bss_eval

    return _ratio_db(functools.partial(fast_bss_eval.si_sdr, zero_mean=True), ref, est)


@judge("SDR", ("SDR",))
def sdr(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """BSS Eval's signal-to-distortion ratio in dB (512-tap distortion filter).

    Vincent et al. (2006), Eq. 15. Arguments as for `si_snr`.
    """
    import fast_bss_eval

    return _ratio_db(fast_bss_eval.sdr, ref, est)


def _run_pesq(ref: np.ndarray, est: np.ndarray) -> float:
    import pesq

    check_room(ref, est)
    with np.errstate(all="ignore"):
        try:
            return float(pesq.pesq(RATE, ref, est, "wb"))
        except (pesq.PesqError, ValueError) as error:
            reason = error.args[0] if error.args else error
            if isinstance(reason, bytes):
                reason = reason.decode()
            raise NoValue(str(reason)) from error


@judge("PESQ_WB", ("PESQ_WB",))
def pesq_wb(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Wideband PESQ (ITU-T P.862.2), MOS-LQO 1 to 4.64; resampled to 16 kHz.

    In a process of its own: P.862's C program writes beyond its arrays.

    Raises:
        UserError: below 16 kHz, where there is no wide band to judge.
    """
    pair = [resample(wav, fs, RATE) for wav in (ref, est)]
    try:
        return (isolated(_run_pesq, *pair, seconds=time_limit(len(ref), fs)),)
    except Crashed as crash:
        raise NoValue(str(crash)) from crash


def _stoi(ref: np.ndarray, est: np.ndarray, fs: int, extended: bool) -> tuple[float]:
    import pystoi

    with warnings.catch_warnings(), fixed_seed():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return (100 * float(pystoi.stoi(ref, est, fs, extended=extended)),)
        except RuntimeWarning as reason:  # less than 0.4 s of speech
            if "STFT frames" not in str(reason):
                raise NoValue(str(reason)) from reason
            raise NoValue("less than 30 frames (0.4 s) of speech") from reason


@judge("STOI", ("STOI",))
def stoi(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Short-time objective intelligibility times 100; Taal et al. (2011)."""
    return _stoi(ref, est, fs, extended=False)


@judge("ESTOI", ("ESTOI",))
def estoi(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """Extended STOI times 100; Jensen and Taal (2016)."""
    return _stoi(ref, est, fs, extended=True)
