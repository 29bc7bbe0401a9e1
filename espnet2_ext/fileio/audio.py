"""Reading and writing audio: files with libsndfile, archives with `archives`.

A FLAC header may not hold the number of samples. The file is then decoded to its end
and the samples are counted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.archives import archive_module

UNKNOWN = 1 << 40  # samples; libsndfile gives a larger number if it is not known
BLOCK = 1 << 16  # samples read at a time if the length is not known
RATE = 16000  # Hz; of SSL models, recognisers and wideband metrics
ARK_ENTRY = re.compile(r"^(?P<path>.+\.ark):(?P<offset>\d+)$")


class AudioInfo(NamedTuple):
    """An audio header: samples per channel, Hz, channels, libsndfile's names."""

    samples: int
    fs: int
    channels: int
    format: str
    subtype: str
    known: bool  # the header says how many samples there are


def audio_info(path: str | os.PathLike[str]) -> AudioInfo:
    """Read the header of an audio file; count the samples if it does not hold them.

    Raises:
        UserError: if the audio is missing or cannot be decoded.
    """
    try:
        with soundfile.SoundFile(path) as stream:
            known = stream.frames < UNKNOWN
            samples = stream.frames if known else sum(map(len, _blocks(path)))
            return AudioInfo(
                samples,
                stream.samplerate,
                stream.channels,
                stream.format,
                stream.subtype,
                known,
            )
    except (OSError, RuntimeError, TypeError) as error:
        raise UserError(f"{path}: cannot read audio ({error}).") from error


class _Straight(soundfile.SoundFile):
    """A file that is not seekable: seeking fails if the length is not known."""

    def seekable(self) -> bool:
        return False


def _blocks(path: str | os.PathLike[str]) -> Iterator[np.ndarray]:
    """Decode a file of unknown length in blocks."""
    with _Straight(path) as stream:
        while len(block := stream.read(BLOCK, dtype="float32")):
            yield block


def _read_file(path: str) -> tuple[np.ndarray, int]:
    with soundfile.SoundFile(path) as stream:
        if stream.frames < UNKNOWN:
            return stream.read(dtype="float32"), stream.samplerate
        blocks = list(_blocks(path))
        return np.concatenate(blocks or [np.zeros(0, np.float32)]), stream.samplerate


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
            wav, fs = _read_file(source)
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise UserError(f"{source}: cannot read audio ({error}).") from error
    if len(wav) == 0:
        raise UserError(f"{source}: audio has no samples.")
    return wav, int(fs)


def _read_ark(source: str) -> tuple[np.ndarray, int]:
    first, second = archive_module().load_mat(source)
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


def within_unit_range(wav: np.ndarray) -> np.ndarray:
    """Divide (T,) samples by their peak if it exceeds 1.

    Clipping instead would add distortion.
    """
    peak = np.max(np.abs(wav))
    return wav / peak if peak > 1 else wav
