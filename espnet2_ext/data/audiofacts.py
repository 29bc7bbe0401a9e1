"""Inspection of one audio entry; it never raises an exception."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from espnet2_ext.fileio.audio import ARK_ENTRY, audio_info, read_audio

GIT_LFS = b"version https://git-lfs"
CLIP_RUN = 3  # samples; shorter runs at full scale are peaks, not clipping
FULL_SCALE = 32767 / 32768
# A writer to a pipe does not know the length. It leaves a number near 2 or 4 GiB in the
# header (sox: the largest number of whole frames below 0x7ffff000).
NEAR = 1 << 20
PLACEHOLDERS = (1 << 31, 1 << 32)


@dataclass(frozen=True)
class AudioFacts:
    """Properties of one audio entry; a field is 0, empty or False if it is unknown.

    Attributes:
        broken: defect that makes the entry unreadable: missing, empty, truncated,
            unfinished, unreadable, forbidden, pipe. The fields below are unknown then.
        detail: description of the defect.
        samples: length per channel.
        fs: sampling rate in Hz.
        channels: number of channels.
        not_finite: number of NaN or infinite samples.
        silent: all samples are zero.
        clipped: number of samples in runs at full scale.
    """

    broken: str = ""
    detail: str = ""
    samples: int = 0
    fs: int = 0
    channels: int = 0
    not_finite: int = 0
    silent: bool = False
    clipped: int = 0


def inspect_audio(source: str, read_samples: bool = True) -> AudioFacts:
    """Inspect ``path`` or ``archive.ark:offset``.

    Args:
        source: the value of an scp line.
        read_samples: False only checks that the file exists (``--no_audio``).
    """
    if source.endswith("|"):
        return AudioFacts("pipe", "a command")
    entry = ARK_ENTRY.match(source)
    path = Path(entry["path"] if entry else source)
    try:
        return _inspect(
            source, path, int(entry["offset"]) if entry else -1, read_samples
        )
    except PermissionError as error:
        return AudioFacts("forbidden", f"no permission for {error.filename or path}")
    # Decoders raise whatever they like on damaged files (assertions, struct errors),
    # and one bad file must not hide the problems of the others.
    except Exception as error:
        kind = "empty" if "no samples" in str(error) else "unreadable"
        return AudioFacts(kind, str(error))


def _inspect(source: str, path: Path, offset: int, read_samples: bool) -> AudioFacts:
    """Inspect a file, or the entry of an archive if ``offset`` is at least 0."""
    if (defect := _no_file(path)) is not None:
        return defect
    with open(path, "rb") as stream:  # a folder's permissions are not the file's
        is_pointer = stream.read(len(GIT_LFS)) == GIT_LFS
    if is_pointer:
        return AudioFacts("unreadable", f"{path}, a git-lfs pointer and no audio")
    if not read_samples:
        return AudioFacts()
    lost = missing_bytes(path, max(offset, 0))
    if lost < 0:
        detail = f"{path} whose header says 0 bytes of audio, and {-lost} bytes follow"
        return AudioFacts("unfinished", detail)
    if lost:
        return AudioFacts("truncated", f"{path} with {lost} bytes less than it says")
    wav, fs = read_audio(source)
    info = audio_info(path) if offset < 0 else None
    if info is not None and info.known and info.samples > len(wav):
        return AudioFacts(
            "truncated", f"{len(wav)} of {info.samples} samples in {path}"
        )
    return measure(wav, fs)


def _no_file(path: Path) -> AudioFacts | None:
    try:
        mode = path.stat()
    except FileNotFoundError:
        what = "a link to nothing" if path.is_symlink() else "no file"
        return AudioFacts("missing", f"{what} {path}")
    except NotADirectoryError:
        return AudioFacts("missing", f"no file {path}")
    if path.is_dir():
        return AudioFacts("missing", f"a folder, {path}")
    if not path.is_file():
        return AudioFacts("missing", f"no plain file, {path}")
    return AudioFacts("empty", f"{path} of 0 bytes") if mode.st_size == 0 else None


def measure(wav: np.ndarray, fs: int) -> AudioFacts:
    """Measure samples (T,) or (T, C) at ``fs`` Hz."""
    mono = wav if wav.ndim == 2 else wav[:, None]
    bad = int((~np.isfinite(mono)).sum())
    return AudioFacts(
        samples=len(wav),
        fs=fs,
        channels=mono.shape[1],
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
    """Return the number of bytes that are missing from the data chunk of a RIFF file.

    libsndfile reads a truncated file without an error, so it has to be found here.

    Args:
        path: a file of any kind.
        offset: start of an archive's entry; it may have a short header before the
            RIFF data.

    Returns:
        0 if nothing is missing or there is no RIFF data at ``offset``; -n if the chunk
        announces 0 bytes and n bytes follow (libsndfile reads none of them).
    """
    size = path.stat().st_size
    with open(path, "rb") as stream:
        stream.seek(offset)
        ahead = stream.read(32).find(b"RIFF") if offset else 0
        stream.seek(offset + max(0, ahead))
        header = stream.read(12)
        if header[:4] not in (b"RIFF", b"RF64") or header[8:] != b"WAVE":
            return 0
        wide = None  # the length in 64 bits, of RF64
        while len(chunk := stream.read(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                there = size - stream.tell()
                announced = length if wide is None else wide
                if announced == 0:
                    return -there
                return 0 if _is_made_up(announced, there) else announced - there
            if name == b"ds64":
                wide = struct.unpack("<8xQ", stream.read(16))[0]
                length -= 16
            stream.seek(length + length % 2, 1)
    return 0


def _is_made_up(announced: int, there: int) -> bool:
    """Return whether an announced length is only a placeholder of the writer."""
    if announced <= there or announced >> 62:
        return True
    near = any(abs(announced - size) <= NEAR for size in PLACEHOLDERS)
    return near and there < announced // 2
