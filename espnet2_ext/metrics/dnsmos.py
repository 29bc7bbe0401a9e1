"""DNSMOS: predicted listening scores of the estimate, without a reference."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.fileio.audio import RATE, resample, within_unit_range
from espnet2_ext.metrics.judge import judge

WINDOW = int(9.01 * RATE)  # samples that DNSMOS hears at a time, a new one each second
# Windows of a repeated clip: those that are complete in the reference program, where
# the rounding of (n + 9.01) * 16000 cuts a sample off the eighth and later ones.
REPEATED_WINDOWS = 7
P808_REST = 160  # samples at the end that the reference program does not give P.808


@functools.cache
def load_dnsmos() -> Any:
    """Load DNSMOS once per process, on one thread: the jobs are the parallelism."""
    import onnxruntime
    from speechmos import dnsmos

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    dnsmos.run(np.zeros(RATE, dtype=np.float32), sr=RATE)  # makes dnsmos.dnsmos
    model = dnsmos.dnsmos
    folder = Path(model.primary_model_path).parent
    for name, file in (("onnx_sess", "sig_bak_ovr"), ("p808_onnx_sess", "model_v8")):
        session = onnxruntime.InferenceSession(str(folder / f"{file}.onnx"), options)
        setattr(model, name, session)
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


def _windows(est: np.ndarray, fs: int) -> list[np.ndarray]:
    wav = within_unit_range(resample(est, fs, RATE)).astype(np.float32)
    return dnsmos_windows(wav)


@judge("DNSMOS", ("OVRL", "SIG", "BAK"))
def dnsmos(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float, ...]:
    """DNSMOS P.835 (Reddy et al., 2022), MOS 1 to 5, from the estimate alone.

    The mean over `dnsmos_windows`, a third of a second of one core each; samples beyond
    [-1, 1] are scaled (`within_unit_range`).
    """
    model = load_dnsmos()
    mos = []
    for window in _windows(est, fs):
        raw = model.onnx_sess.run(None, {"input_1": window[None]})[0][0]
        sig, bak, ovrl = model.get_polyfit_val(*raw, False)
        mos.append((ovrl, sig, bak))
    return tuple(float(np.mean(values)) for values in zip(*mos, strict=True))


@judge("P808", ("P808",))
def p808(ref: np.ndarray, est: np.ndarray, fs: int) -> tuple[float]:
    """DNSMOS P.808 (Reddy et al., 2021), MOS 1 to 5, from the estimate alone.

    Quality as ITU-T P.808 asks for it, heard in log-mel spectrograms of the windows of
    `dnsmos`, without their last 10 ms: twenty times as fast.
    """
    model = load_dnsmos()
    mos = []
    for window in _windows(est, fs):
        mel = model.audio_melspec(audio=window[:-P808_REST]).astype(np.float32)
        mos.append(model.p808_onnx_sess.run(None, {"input_1": mel[None]})[0][0][0])
    return (float(np.mean(mos)),)
