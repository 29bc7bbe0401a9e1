"""What is true of one piece of audio, found out without ever raising."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from espnet2_ext.fileio.audio import ARK_ENTRY, read_audio

CLIP_RUN = 3  # so many samples in a row at full scale are clipping, not a peak
FULL_SCALE = 32767 / 32768
# Writers into a pipe do not know the length and leave one of these in the header.
UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFF000, 0xFFFFF000)


@dataclass(frozen=True)
class AudioFacts:
    """Findings about one audio entry; every field is 0, empty or False if unknown.

    Attributes:
        broken: kind of defect that makes it unreadable: missing, empty, truncated,
            unreadable, pipe; then nothing below is known.
        detail: words for ``broken``.
        samples: length per channel.
        fs: sampling rate in Hz.
        not_finite: number of NaN or infinite samples.
        silent: all samples are zero.
        clipped: number of samples in runs at full scale.
    """

    broken: str = ""
    detail: str = ""
    samples: int = 0
    fs: int = 0
    not_finite: int = 0
    silent: bool = False
    clipped: int = 0


def inspect_audio(source: str, read_samples: bool = True) -> AudioFacts:
    """Find out about ``path`` or ``archive.ark:offset``.

    Args:
        source: the value of an scp line.
        read_samples: False only looks for the file (``--no_audio``).
    """
    if source.endswith("|"):
        return AudioFacts("pipe", "a command")
    entry = ARK_ENTRY.match(source)
    path = Path(entry["path"] if entry else source)
    if not path.is_file():
        return AudioFacts("missing", f"no file {path}")
    if path.stat().st_size == 0:
        return AudioFacts("empty", f"{path} of 0 bytes")
    if not read_samples:
        return AudioFacts()
    lost = missing_bytes(path, int(entry["offset"]) if entry else 0)
    if lost:
        return AudioFacts("truncated", f"{path} with {lost} bytes less than it says")
    try:
        wav, fs = read_audio(source)
    # Decoders raise whatever they like on damaged files (assertions, struct errors),
    # and one bad file must not hide the problems of the others.
    except Exception as error:
        kind = "empty" if "no samples" in str(error) else "unreadable"
        return AudioFacts(kind, str(error))
    promised = 0 if entry else _frames(path)
    if promised > len(wav):
        return AudioFacts("truncated", f"{len(wav)} of {promised} samples in {path}")
    return measure(wav, fs)


def measure(wav: np.ndarray, fs: int) -> AudioFacts:
    """Judge samples (T,) or (T, C) at ``fs`` Hz."""
    mono = wav if wav.ndim == 2 else wav[:, None]
    bad = int((~np.isfinite(mono)).sum())
    return AudioFacts(
        samples=len(wav),
        fs=fs,
        not_finite=bad,
        silent=not mono.any(),
        clipped=sum(clipped_samples(channel) for channel in mono.T),
    )


def clipped_samples(wav: np.ndarray) -> int:
    """Count samples of (T,) in runs of `CLIP_RUN` or more at full scale."""
    full = np.abs(wav) >= FULL_SCALE
    if not full.any():
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], full.astype(np.int8), [0]])))
    runs = edges[1::2] - edges[::2]
    return int(runs[runs >= CLIP_RUN].sum())


def missing_bytes(path: Path, offset: int = 0) -> int:
    """Tell how many bytes a RIFF file lacks that its data chunk announces.

    libsndfile reads what is there and says nothing, so a copy cut short would pass.

    Args:
        path: a file of any kind; 0 is returned if it holds no RIFF data there.
        offset: where an archive's entry begins; kaldiio may put a short header of
            its own before the RIFF data.
    """
    size = path.stat().st_size
    with open(path, "rb") as stream:
        stream.seek(offset)
        ahead = stream.read(32).find(b"RIFF") if offset else 0
        stream.seek(offset + max(0, ahead))
        header = stream.read(12)
        if header[:4] != b"RIFF" or header[8:] != b"WAVE":
            return 0
        while len(chunk := stream.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                known = length not in UNKNOWN_SIZES
                return max(0, stream.tell() + length - size) if known else 0
            stream.seek(length + length % 2, 1)
    return 0


def _frames(path: Path) -> int:
    """Samples per channel that the header promises (FLAC cut short has fewer)."""
    try:
        return soundfile.info(str(path)).frames
    except (OSError, RuntimeError):
        return 0
