"""Signal metrics: one registry of ``(ref, est, fs) -> {key: value}`` functions.

The numbers are those of maintained libraries; this file only fixes the argument
order, the units and what a degenerate input means:

- *Silent estimate* (constant samples): the bottom of each scale, so that losing an
  utterance never looks good: ``-LIMIT_DB``, ESTOI and STOI 0, PESQ 1.
- *Estimate identical to the reference* (the row "clean"): SI-SNR and SDR have no
  error to divide by and are ``None``; PESQ, ESTOI and STOI give their maximum.
- *Silent reference*, or a library that finds no speech: ``None``, with a warning.

``None`` is left out of means and counted (`espnet2_ext.metrics.result.Mean`).
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.audio import resample
from espnet2_ext.metrics.quantity import Quantity

LIMIT_DB = 100.0  # above the 98 dB of 16-bit rounding, so real audio never reaches it
# Bottom of the MOS scale; P.862.2 maps the worst real pairs to about 1.04.
PESQ_WB_MINIMUM = 1.0
RATE = 16000  # Hz; the rate of wideband PESQ, of DNSMOS and of the recognisers

Values = dict[str, "float | None"]


def is_silent(wav: np.ndarray) -> bool:
    """Tell whether all samples of ``wav``, shape (T,), have one value."""
    return bool(np.ptp(wav) == 0)


def within_unit_range(wav: np.ndarray) -> np.ndarray:
    """Divide (T,) samples by their peak where it exceeds 1.

    Scaled and not clipped: clipping would add a distortion the signal does not have.
    """
    peak = np.max(np.abs(wav))
    return wav / peak if peak > 1 else wav


def _ratio_db(
    function: Callable[..., np.ndarray], ref: np.ndarray, est: np.ndarray
) -> float | None:
    if is_silent(ref):
        logging.warning("silent reference: no signal-to-error ratio")
        return None
    if is_silent(est):
        return -LIMIT_DB
    if np.array_equal(ref, est):
        return None
    pair = (np.asarray(wav, dtype=np.float64)[None] for wav in (ref, est))
    return float(function(*pair, clamp_db=LIMIT_DB)[0])


def si_snr(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """Scale-invariant signal-to-noise ratio in dB, means removed.

    Le Roux et al. (2019), "SDR - half-baked or well done?", Eq. 5.

    Args:
        ref: reference, shape (T,).
        est: estimate, shape (T,).
        fs: rate in Hz (not used).
    """
    import fast_bss_eval

    ratio = functools.partial(fast_bss_eval.si_sdr, zero_mean=True)
    return {"SI_SNR": _ratio_db(ratio, ref, est)}


def sdr(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """BSS Eval's signal-to-distortion ratio in dB (512-tap distortion filter).

    Vincent et al. (2006), Eq. 15. Arguments as for `si_snr`.
    """
    import fast_bss_eval

    return {"SDR": _ratio_db(fast_bss_eval.sdr, ref, est)}


def pesq_wb(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """Wideband PESQ (ITU-T P.862.2), MOS-LQO 1 to 4.64; resampled to 16 kHz.

    Raises:
        UserError: below 16 kHz, where there is no wide band to judge.
    """
    import pesq

    if fs < RATE:
        raise UserError(
            f"PESQ_WB needs audio of {RATE} Hz or more, found {fs} Hz; "
            "leave PESQ_WB out of --metrics."
        )
    if is_silent(est) and not is_silent(ref):
        return {"PESQ_WB": PESQ_WB_MINIMUM}
    pair = [resample(wav, fs, RATE) for wav in (ref, est)]
    with np.errstate(all="ignore"):
        try:
            return {"PESQ_WB": float(pesq.pesq(RATE, *pair, "wb"))}
        except (pesq.PesqError, ValueError) as error:
            logging.warning("PESQ_WB left out: %s", error)
            return {"PESQ_WB": None}


def _stoi(ref: np.ndarray, est: np.ndarray, fs: int, extended: bool) -> float | None:
    import pystoi

    if is_silent(ref):
        logging.warning("silent reference: no STOI")
        return None
    if is_silent(est):
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return 100 * float(pystoi.stoi(ref, est, fs, extended=extended))
        except RuntimeWarning as reason:  # less than 0.4 s of speech
            logging.warning("STOI left out: %s", reason)
            return None


def stoi(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """Short-time objective intelligibility times 100; Taal et al. (2011)."""
    return {"STOI": _stoi(ref, est, fs, extended=False)}


def estoi(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """Extended STOI times 100; Jensen and Taal (2016)."""
    return {"ESTOI": _stoi(ref, est, fs, extended=True)}


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


def dnsmos(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
    """DNSMOS P.835 (Reddy et al., 2022), MOS 1 to 5, from the estimate alone.

    Clips shorter than 9.01 s are repeated, as in the reference program; samples
    beyond [-1, 1] are scaled (`within_unit_range`).
    """
    wav = within_unit_range(resample(est, fs, RATE)).astype(np.float32)
    mos = _dnsmos_model()(wav, RATE, False)
    return {name: float(mos[f"{name.lower()}_mos"]) for name in ("OVRL", "SIG", "BAK")}


@dataclass(frozen=True)
class SignalMetric:
    """A metric: its function, what it returns, and the packages it needs."""

    compute: Callable[[np.ndarray, np.ndarray, int], Values]
    quantities: tuple[Quantity, ...]
    packages: tuple[str, ...]


# Names as in ESPnet's enh_scoring; the only place where a metric is registered.
SIGNAL_METRICS: Mapping[str, SignalMetric] = {
    "SI_SNR": SignalMetric(
        si_snr, (Quantity("SI_SNR", "SI-SNR", "dB", True, 2),), ("fast_bss_eval",)
    ),
    "SDR": SignalMetric(
        sdr, (Quantity("SDR", "SDR", "dB", True, 2),), ("fast_bss_eval",)
    ),
    "PESQ_WB": SignalMetric(
        pesq_wb, (Quantity("PESQ_WB", "PESQ-WB", "MOS", True, 2),), ("pesq",)
    ),
    "ESTOI": SignalMetric(
        estoi, (Quantity("ESTOI", "ESTOI", "%", True, 1),), ("pystoi",)
    ),
    "STOI": SignalMetric(stoi, (Quantity("STOI", "STOI", "%", True, 1),), ("pystoi",)),
    "DNSMOS": SignalMetric(
        dnsmos,
        (
            Quantity("OVRL", "DNSMOS OVRL", "MOS", True, 2),
            Quantity("SIG", "DNSMOS SIG", "MOS", True, 2),
            Quantity("BAK", "DNSMOS BAK", "MOS", True, 2),
        ),
        ("speechmos", "onnxruntime", "librosa"),
    ),
}

QUANTITIES: Mapping[str, Quantity] = {
    quantity.key: quantity
    for metric in SIGNAL_METRICS.values()
    for quantity in metric.quantities
}


def check_installed(user: str, packages: Iterable[str]) -> None:
    """Refuse to start when a library is missing.

    Raises:
        UserError: naming ``user``, the missing packages and how to install them.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{user} needs {', '.join(missing)}, which is not installed; "
            "install it with: pip install -e '.[score]'"
        )


def signal_metric(name: str) -> SignalMetric:
    """Look a metric up and check that its packages are there.

    Raises:
        UserError: if the name is unknown or a package is missing.
    """
    if name not in SIGNAL_METRICS:
        raise unknown_name("metric", name, SIGNAL_METRICS)
    check_installed(f"metric {name}", SIGNAL_METRICS[name].packages)
    return SIGNAL_METRICS[name]
