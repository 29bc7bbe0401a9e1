"""Print a fingerprint of a stage's inputs, one line per input.

The staged recipes keep it as a stamp: same fingerprint, nothing to do. As text it
also tells a person *which* input changed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.digest import hash_audio, hash_file, hash_sample


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--input", action="append", default=[], help="file, by content")
    add("--training", action="append", default=[], help="YAML of a training")
    add("--audio", action="append", default=[], help="scp and its audio, by time")
    add("--sample", action="append", default=[], help="scp, some audio by content")
    add("--data_dir", nargs="*", default=[], help="all lists of a data directory")
    add("--option", action="append", default=[], help="text, as it is")
    return parser


def add_data_dir(folder: Path, args: argparse.Namespace) -> None:
    """Add the files of a data directory to what is fingerprinted.

    Raises:
        UserError: if there is no such directory.
    """
    if not folder.is_dir():
        raise UserError(f"found no {folder}; expected a data directory; run stage 1.")
    for path in sorted(folder.iterdir()):
        if path.suffix == ".scp":
            args.audio.append(str(path))
        elif path.is_file() and not path.name.startswith("."):
            args.input.append(str(path))


def main(cmd: list[str] | None = None) -> None:
    """Entry point."""
    args = get_parser().parse_args(cmd)
    for folder in args.data_dir:
        add_data_dir(Path(folder), args)
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
