"""Stage 4: keep utterances with min < length < max (strictly, as ESPnet does)."""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.data.filter import filter_directory
from espnet2_ext.data.format import parse_fs
from espnet2_ext.errors import run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--in_dir", required=True, type=Path)
    add("--out_dir", required=True, type=Path)
    add("--fs", default="16k", help="sampling rate, e.g. 16k")
    add("--min_wav_duration", type=float, default=0.1, help="s")
    add("--max_wav_duration", type=float, default=20.0, help="s")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Entry point."""
    args = get_parser().parse_args(cmd)
    fs = parse_fs(args.fs)
    kept, total = filter_directory(
        args.in_dir,
        args.out_dir,
        int(args.min_wav_duration * fs),
        int(args.max_wav_duration * fs),
    )
    print(f"{args.out_dir}: {kept} of {total} utterances kept")


if __name__ == "__main__":
    run_main(main)
