"""Reading and writing audio: files through libsndfile, archives through kaldiio."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import soundfile

from espnet2_ext.errors import UserError

ARK_ENTRY = re.compile(r"^(?P<path>.+\.ark):(?P<offset>\d+)$")


def read_audio(source: str) -> tuple[np.ndarray, int]:
    """Read ``path`` or ``archive.ark:offset``.

    Returns:
        Samples as float32 in [-1, 1], shape (T,) or (T, C), and the rate in Hz.

    Raises:
        UserError: if the audio is missing, empty or cannot be decoded.
    """
    try:
        if ARK_ENTRY.match(source):
            wav, fs = _read_ark(source)
        else:
            wav, fs = soundfile.read(source, dtype="float32")
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise UserError(f"{source}: cannot read audio ({error}).") from error
    if len(wav) == 0:
        raise UserError(f"{source}: audio has no samples.")
    return wav, int(fs)


def _read_ark(source: str) -> tuple[np.ndarray, int]:
    import kaldiio  # only where an archive is really read

    first, second = kaldiio.load_mat(source)
    fs, wav = (first, second) if isinstance(first, int) else (second, first)
    if np.issubdtype(wav.dtype, np.integer):
        wav = wav / np.float32(np.iinfo(wav.dtype).max + 1)
    return wav.astype(np.float32), int(fs)


def write_audio(path: str | os.PathLike[str], wav: np.ndarray, fs: int) -> None:
    """Write (T,) or (T, C) samples as 16-bit audio; the suffix gives the format.

    The file appears under ``path`` only when it is complete.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".tmp.{os.getpid()}.{target.name}")
    try:
        soundfile.write(partial, wav, fs, subtype="PCM_16")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def resample(wav: np.ndarray, fs_in: int, fs_out: int) -> np.ndarray:
    """Resample (T,) or (T, C) along time with soxr's high-quality filter."""
    if fs_in == fs_out:
        return wav
    import soxr

    return soxr.resample(wav, fs_in, fs_out).astype(np.float32)
