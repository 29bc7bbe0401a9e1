"""Stage 3: audio of a data directory in one format and rate (data/X -> dump/raw/X).

One call per job (--job N --num_jobs M) formats a part; --merge true joins the parts
and copies the other files. Audio that conforms already is referenced as it is.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.data.format import AUDIO_FORMATS, parse_fs, read_streams
from espnet2_ext.data.format_dir import format_part, merge_parts
from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data_dir", required=True, type=Path)
    add("--out_dir", required=True, type=Path)
    add("--streams", default="wav spk1", help="names of the .scp files, wav first")
    add("--fs", default="16k", help="sampling rate, e.g. 16k")
    add("--audio_format", default="flac", choices=AUDIO_FORMATS)
    add("--job", type=int, default=1)
    add("--num_jobs", type=int, default=1)
    add("--merge", choices=("true", "false"), default="false")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Entry point."""
    args = get_parser().parse_args(cmd)
    args.fs = parse_fs(args.fs)
    args.streams = args.streams.split()
    if args.streams[:1] != ["wav"]:
        raise UserError(f"Found --streams {args.streams}; expected 'wav ...'.")
    if not 1 <= args.job <= args.num_jobs:
        raise UserError(f"Found --job {args.job}; expected 1 to {args.num_jobs}.")
    if args.merge == "true":
        merge_parts(args.data_dir, args.out_dir, args.streams, args.num_jobs)
    else:
        tables = read_streams(args.data_dir, args.streams)
        part = (args.job, args.num_jobs)
        format_part(tables, args.out_dir, args.fs, args.audio_format, part)


if __name__ == "__main__":
    run_main(main)
