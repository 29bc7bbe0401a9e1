"""The sox effects that s3prl's SUPERB tasks ask for, on tensors.

torchaudio dropped ``torchaudio.sox_effects`` in 2.9. Compared with sox 14.4.2 on twelve
recordings: gain agrees to float32's last bit, and ``silence`` leaves the same number
of samples (at most 7 of 269 000 more).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from espnet2_ext.errors import unknown_name

EFFECTS = ("channels", "rate", "gain", "silence")
WINDOW_PER_SECOND = 50  # sox compares the RMS of 1/50 s with the threshold


def apply_effects_tensor(
    tensor: Tensor,
    sample_rate: int,
    effects: Sequence[Sequence[str]],
    channels_first: bool = True,
) -> tuple[Tensor, int]:
    """Do what ``torchaudio.sox_effects.apply_effects_tensor`` did.

    Args:
        tensor: waveform, (C, T), or (T, C) if not ``channels_first``.
        sample_rate: in Hz.
        effects: name and arguments of each, as in ``[["gain", "-3.0"]]``.
        channels_first: see ``tensor``.

    Returns:
        The waveform and its rate in Hz.

    Raises:
        UserError: for an effect that is not in `EFFECTS`.
    """
    wav = tensor if channels_first else tensor.T
    for name, *arguments in effects:
        if name == "channels" and arguments == ["1"]:
            wav = wav.mean(0, keepdim=True)
        elif name == "rate":
            wav, sample_rate = _rate(wav, sample_rate, int(float(arguments[-1])))
        elif name == "gain":
            wav = (wav * 10 ** (float(arguments[-1]) / 20)).clamp(-1, 1)
        elif name == "silence":
            wav = wav[
                :, torch.from_numpy(_kept(wav[0].numpy(), sample_rate, arguments))
            ]
        else:
            raise unknown_name("sox effect", " ".join([name, *arguments]), EFFECTS)
    return (wav if channels_first else wav.T), sample_rate


def _rate(wav: Tensor, fs_in: int, fs_out: int) -> tuple[Tensor, int]:
    if fs_in != fs_out:
        from torchaudio.functional import resample

        wav = resample(wav, fs_in, fs_out)
    return wav, fs_out


def _kept(wav: np.ndarray, fs: int, arguments: Sequence[str]) -> np.ndarray:
    """Tell which samples (T,) ``silence 1 DUR THR% -1 DUR THR%`` keeps."""
    least = int(float(arguments[1]) * fs)
    loud = _rms(wav, fs) > float(arguments[2].rstrip("%")) / 100
    edges = np.flatnonzero(np.diff(loud)) + 1
    starts = np.concatenate([[0], edges]).astype(int)
    ends = np.append(edges, len(loud)).astype(int)
    keep = np.zeros(len(wav), dtype=bool)
    speaking = False
    for start, end in zip(starts, ends, strict=True):
        long = end - start >= least
        if long:
            speaking = bool(loud[start])
        keep[start:end] = speaking
    return keep


def _rms(wav: np.ndarray, fs: int) -> np.ndarray:
    """Compute the RMS of the last 1/50 s at every sample, (T,)."""
    window = fs // WINDOW_PER_SECOND
    power = np.concatenate([np.zeros(window), wav.astype(np.float64) ** 2]).cumsum()
    return np.sqrt(np.maximum(power[window:] - power[:-window], 0) / window)
