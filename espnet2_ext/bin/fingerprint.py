"""Print a fingerprint of a stage's inputs, one line per input.

The staged recipes keep it as a stamp: same fingerprint, nothing to do. As text it
also tells a person *which* input changed.
"""

from __future__ import annotations

import argparse
import hashlib
import os

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import iter_scp

SAMPLED = 64  # about so many audio files are opened for --sample
SAMPLED_BYTES = 1 << 18  # and so much is read of each


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

    Like `fileio.audio`, without its imports: this runs before every stage.
    """
    stem, _, offset = value.rpartition(".ark:")
    return (f"{stem}.ark", int(offset)) if offset.isdigit() and stem else (value, 0)


def hash_audio(scp: str) -> str:
    """Digest an scp's lines with size and time of change of every audio file."""
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
    """Digest an scp's lines and the content of evenly spaced audio files.

    Unlike `hash_audio` it does not change when the same audio is written anew.
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


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--input", action="append", default=[], help="file, by content")
    add("--training", action="append", default=[], help="YAML of a training")
    add("--audio", action="append", default=[], help="scp and its audio, by time")
    add("--sample", action="append", default=[], help="scp, some audio by content")
    add("--option", action="append", default=[], help="text, as it is")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Entry point."""
    args = get_parser().parse_args(cmd)
    for text in args.option:
        print(f"option {text}")
    for path in args.input:
        print(f"{hash_file(path)} {path}")
    for path in args.training:
        from espnet2_ext.train.continuing import APART, hash_apart

        print(f"{hash_file(path)} {path}")
        print(f"{hash_apart(path)} {path}{APART}")
    for scp in args.audio:
        print(f"{hash_audio(scp)} {scp} with audio")
    for scp in args.sample:
        print(f"{hash_sample(scp)} {scp} with audio")


if __name__ == "__main__":
    run_main(main)
