"""Signal metrics: one registry of ``(ref, est, fs) -> {key: value}`` functions.

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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_ext.errors import check_installed, unknown_name
from espnet2_ext.fileio.audio import RATE, resample, within_unit_range
from espnet2_ext.metrics.judge import Compute, fixed_seed, judge, time_limit
from espnet2_ext.metrics.limits import LIMIT_DB, NoValue
from espnet2_ext.metrics.pesq_speech import check_room
from espnet2_ext.metrics.quantity import Quantity
from espnet2_ext.metrics.worker import Crashed, isolated

WINDOW = int(9.01 * RATE)  # samples that DNSMOS hears at a time, a new one each second
# Windows of a repeated clip: those that are complete in the reference program, where
# the rounding of (n + 9.01) * 16000 cuts a sample off the eighth and later ones.
REPEATED_WINDOWS = 7
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


@functools.cache
def _dnsmos_model() -> Any:
    """Load DNSMOS once per process, on one thread: the jobs are the parallelism."""
    import onnxruntime
    from speechmos import dnsmos

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    dnsmos.run(np.zeros(RATE, dtype=np.float32), sr=RATE)  # makes dnsmos.dnsmos
    model = dnsmos.dnsmos
    model.onnx_sess = onnxruntime.InferenceSession(model.primary_model_path, options)
    return model


def dnsmos_windows(wav: np.ndarray) -> list[np.ndarray]:
    """Cut (T,) samples at 16 kHz into what DNSMOS hears, as its reference program.

    Windows of 9.01 s, one each second as far as whole seconds go; shorter clips are
    doubled until they fill one. The program itself drops windows from the eighth on,
    by a rounding error: it does not hear what comes after 16 s.
    """
    repeated = wav
    while len(repeated) < WINDOW:
        repeated = np.append(repeated, repeated)
    # The window must end before the last whole second: int(floor(seconds) - 9.01) + 1.
    count = int(len(repeated) // RATE - WINDOW / RATE) + 1
    if len(wav) < WINDOW:
        count = min(count, REPEATED_WINDOWS)
    return [repeated[n * RATE :][:WINDOW] for n in range(count)]


@judge("DNSMOS", ("OVRL", "SIG", "BAK"))
def dnsmos(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float, ...]:
    """DNSMOS P.835 (Reddy et al., 2022), MOS 1 to 5, from the estimate alone.

    The mean over `dnsmos_windows`; samples beyond [-1, 1] are scaled
    (`within_unit_range`).
    """
    wav = within_unit_range(resample(est, fs, RATE)).astype(np.float32)
    model = _dnsmos_model()
    mos = []
    for window in dnsmos_windows(wav):
        raw = model.onnx_sess.run(None, {"input_1": window[None]})[0][0]
        sig, bak, ovrl = model.get_polyfit_val(*raw, False)
        mos.append((ovrl, sig, bak))
    return tuple(float(np.mean(values)) for values in zip(*mos, strict=True))


@dataclass(frozen=True)
class SignalMetric:
    """A metric: its function, what it returns, and the packages it needs."""

    compute: Compute
    quantities: tuple[Quantity, ...]
    packages: tuple[str, ...]


def _quantity(key: str, label: str, unit: str, digits: int = 2) -> Quantity:
    return Quantity(key, label, unit, higher_is_better=True, digits=digits)


_BSS = ("fast_bss_eval",)
# Names as in ESPnet's enh_scoring; the only place where a metric is registered.
SIGNAL_METRICS: Mapping[str, SignalMetric] = {
    "SI_SNR": SignalMetric(si_snr, (_quantity("SI_SNR", "SI-SNR", "dB"),), _BSS),
    "SDR": SignalMetric(sdr, (_quantity("SDR", "SDR", "dB"),), _BSS),
    "PESQ_WB": SignalMetric(
        pesq_wb, (_quantity("PESQ_WB", "PESQ-WB", "MOS"),), ("pesq",)
    ),
    "ESTOI": SignalMetric(estoi, (_quantity("ESTOI", "ESTOI", "%", 1),), ("pystoi",)),
    "STOI": SignalMetric(stoi, (_quantity("STOI", "STOI", "%", 1),), ("pystoi",)),
    "DNSMOS": SignalMetric(
        dnsmos,
        tuple(_quantity(key, f"DNSMOS {key}", "MOS") for key in ("OVRL", "SIG", "BAK")),
        ("speechmos", "onnxruntime", "librosa"),
    ),
}

QUANTITIES: Mapping[str, Quantity] = {
    quantity.key: quantity
    for metric in SIGNAL_METRICS.values()
    for quantity in metric.quantities
}


def signal_metric(name: str) -> SignalMetric:
    """Look a metric up and check that its packages are there.

    Raises:
        UserError: if the name is unknown or a package is missing.
    """
    if name not in SIGNAL_METRICS:
        raise unknown_name("metric", name, SIGNAL_METRICS)
    check_installed(f"metric {name}", SIGNAL_METRICS[name].packages)
    return SIGNAL_METRICS[name]
