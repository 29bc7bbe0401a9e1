"""Digests of files and of audio lists, which stamps and caches compare.

This module does not import `fileio.audio`, as recipes call it before every stage.
"""

from __future__ import annotations

import hashlib
import os

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import iter_scp

SAMPLED = 64  # approximate number of audio files that `hash_sample` opens
SAMPLED_BYTES = 1 << 18  # bytes read of each


def hash_file(path: str) -> str:
    """Return the SHA-256 of a file's content (first 16 hex digits)."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from error
    return digest.hexdigest()[:16]


def split_offset(value: str) -> tuple[str, int]:
    """Split an scp value into file and byte offset (``x.ark:12``, else 0).

    It follows the rule of `fileio.audio` without its imports.
    """
    stem, _, offset = value.rpartition(".ark:")
    return (f"{stem}.ark", int(offset)) if offset.isdigit() and stem else (value, 0)


def hash_audio(scp: str) -> str:
    """Digest the lines of an scp, and size and modification time of each audio file."""
    digest = hashlib.sha256()
    for number, key, value in iter_scp(scp):
        try:
            stat = os.stat(split_offset(value)[0])
        except OSError as error:
            raise UserError(
                f"{scp}:{number}: '{key}': {value}: {error.strerror}; "
                "run the stage that makes it again."
            ) from error
        line = f"{key} {value} {stat.st_size} {stat.st_mtime_ns}\n"
        digest.update(line.encode())
    return digest.hexdigest()[:16]


def hash_sample(scp: str) -> str:
    """Digest the lines of an scp, and the content of evenly spaced audio files.

    Unlike `hash_audio`, the digest stays if the same audio is written again.
    """
    lines = [(key, value) for _, key, value in iter_scp(scp)]
    digest = hashlib.sha256(repr(lines).encode())
    step = max(1, len(lines) // SAMPLED)
    for _, value in lines[::step]:
        digest.update(first_bytes(value))
    return digest.hexdigest()[:16]


def first_bytes(value: str) -> bytes:
    """Read the beginning of an audio file or of an archive's entry."""
    path, offset = split_offset(value)
    try:
        with open(path, "rb") as stream:
            stream.seek(offset)
            return stream.read(SAMPLED_BYTES)
    except OSError as error:
        raise UserError(f"{value}: cannot be read ({error.strerror}).") from error


def stable_int(text: str) -> int:
    """Return 64 bits that follow from the text alone: a seed or a rank."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
