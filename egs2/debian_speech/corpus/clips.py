"""One recorded clip, and reading it as 16 kHz mono."""

from __future__ import annotations

import functools
import hashlib
import io
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from corpus.containers import read_member
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, resample

FS = 16000  # Hz, of everything that leaves this module
CHARS_PER_SECOND = (4.0, 25.0)  # outside: the text is not what is said (measured)


@dataclass(frozen=True)
class Clip:
    """One recording as its package holds it.

    Attributes:
        id: stable over releases: speaker and name inside the package, no path.
        speaker: one person, whatever the language spoken.
        lang: language code.
        text: what is said; empty for noise.
        path: the file, or the container it lies in.
        key: the name inside the package (the prompt id).
        member: name inside the container; empty for a plain file.
        trim: cut silence at both ends (word lists, where it is most of the file).
    """

    id: str
    speaker: str
    lang: str
    text: str
    path: str
    key: str
    member: str = ""
    trim: bool = False

    def size(self) -> int:
        """Bytes on disk (of the container for a member)."""
        return os.path.getsize(self.path)


@functools.lru_cache(maxsize=4096)
def duration(clip: Clip) -> float:
    """Seconds of audio that `load_clip` gives; 0 if empty or unreadable."""
    if clip.trim:
        try:
            return len(load_clip(clip)) / FS
        except UserError:
            return 0.0
    if clip.path.endswith(".g722"):
        return clip.size() * 2 / FS  # 64 kbit/s: one byte holds two samples
    try:
        info = soundfile.info(clip.path if not clip.member else _member(clip))
    except (OSError, RuntimeError, UserError):
        return 0.0
    return info.frames / info.samplerate


def load_clip(clip: Clip) -> np.ndarray:
    """Read a clip as (T,) float32 at 16 kHz, channels averaged, DC removed.

    Raises:
        UserError: if it cannot be read.
    """
    if clip.path.endswith(".g722"):
        wav, fs = decode_g722(clip.path), FS
    elif clip.member:
        try:
            wav, fs = soundfile.read(_member(clip), dtype="float32")
        except (OSError, RuntimeError) as error:
            raise UserError(f"{clip.path}: {clip.member}: {error}") from error
    else:
        wav, fs = read_audio(clip.path)
    if wav.ndim == 2:
        wav = wav.mean(axis=1)
    wav = resample(wav, fs, FS)
    wav = (wav - wav.mean()).astype(np.float32)
    return trim_silence(wav) if clip.trim else wav


def trim_silence(wav: np.ndarray, threshold_db: float = 40.0) -> np.ndarray:
    """Cut both ends of (T,) where 20-ms frames are ``threshold_db`` below the top.

    50 ms are kept on each side; a signal too short to judge is returned as it is.
    """
    frame = FS // 50
    n_frames = len(wav) // frame
    if n_frames == 0:
        return wav
    energy = (wav[: n_frames * frame].reshape(n_frames, frame) ** 2).mean(axis=1)
    active = np.flatnonzero(energy > energy.max() * 10 ** (-threshold_db / 10))
    if len(active) == 0:
        return wav
    margin = FS // 20
    start = max(0, int(active[0]) * frame - margin)
    return wav[start : (int(active[-1]) + 1) * frame + margin]


def decode_g722(path: str) -> np.ndarray:
    """Decode a raw ITU-T G.722 file (64 kbit/s) to (T,) float32 at 16 kHz.

    Raises:
        UserError: if the decoder is not installed or the file is empty.
    """
    try:
        from G722 import G722  # a small C extension, needed for this corpus only
    except ImportError as error:
        raise UserError(
            "The G722 package is not installed; it decodes the asterisk prompts. "
            "Install it: pip install G722"
        ) from error
    data = Path(path).read_bytes()
    if not data:
        raise UserError(f"{path}: audio has no samples.")
    samples = np.asarray(G722(FS, 64000).decode(data), dtype=np.int16)
    return samples.astype(np.float32) / 32768


def _member(clip: Clip) -> io.BytesIO:
    return io.BytesIO(read_member(clip.path, clip.member))


def drop_duplicates(clips: Iterable[Clip]) -> list[Clip]:
    """Keep the first of byte-identical recordings."""
    seen: set[bytes] = set()
    kept = []
    for clip in clips:
        digest = content_hash(clip)
        if digest not in seen:
            seen.add(digest)
            kept.append(clip)
    return kept


def content_hash(clip: Clip) -> bytes:
    """MD5 of the clip's bytes: equal for the same recording under two names."""
    data = (
        read_member(clip.path, clip.member)
        if clip.member
        else Path(clip.path).read_bytes()
    )
    return hashlib.md5(data, usedforsecurity=False).digest()


def text_fits(clip: Clip) -> bool:
    """Tell whether the text can be what is said, by characters per second."""
    seconds = duration(clip)
    low, high = CHARS_PER_SECOND
    return seconds > 0 and low <= len(clip.text) / seconds <= high
