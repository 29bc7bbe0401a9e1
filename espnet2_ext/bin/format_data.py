"""Stage 3: audio of a data directory in one format and rate (data/X -> dump/raw/X).

One call per job (--job N --num_jobs M) formats a part; --merge true joins the parts
and copies the other files. Audio that conforms already is referenced as it is.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from espnet2_ext.data.format import (
    AUDIO_FORMATS,
    check_lengths,
    format_stream,
    parse_fs,
    part_of,
    read_streams,
)
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write, copy_list, read_scp, write_scp

# audio lists are made here; kaldi's per-recording files have no meaning afterwards
NOT_COPIED = {"segments", "reco2file_and_channel", "reco2dur", "utt2num_samples"}


def format_part(args: argparse.Namespace) -> None:
    """Format one job's part of every stream."""
    out_dir = Path(args.out_dir)
    part_dir = out_dir / "logs" / f"format.{args.job}"
    lengths: dict[str, dict[str, int]] = {}
    tables = read_streams(Path(args.data_dir), args.streams)
    inputs = {source for table in tables.values() for source in table.values()}
    for name, table in tables.items():
        part = part_of(table, args.job, args.num_jobs)
        audio_dir = out_dir / "data" / name / f"format.{args.job}"
        for leftover in audio_dir.glob(".tmp.*"):  # of a killed run
            leftover.unlink()
        print(f"{name}: {len(part)} utterances", flush=True)
        scp, lengths[name] = format_stream(
            part, audio_dir, args.fs, args.audio_format, inputs
        )
        write_scp(part_dir / f"{name}.scp", scp)
    check_lengths(lengths)
    write_scp(part_dir / "utt2num_samples", lengths["wav"])


def merge_parts(args: argparse.Namespace) -> None:
    """Join the parts of all jobs; ``wav.scp`` comes last."""
    data_dir, out_dir = Path(args.data_dir), Path(args.out_dir)
    parts = [out_dir / "logs" / f"format.{n + 1}" for n in range(args.num_jobs)]
    made = ["utt2num_samples", *(f"{name}.scp" for name in reversed(args.streams))]
    for source in sorted(data_dir.iterdir()):
        known = source.suffix == ".scp" or source.name in NOT_COPIED
        if source.is_file() and not known and not source.name.startswith("."):
            copy_list(source, out_dir / source.name)
    with atomic_write(out_dir / "feats_type") as stream:
        stream.write("raw\n")
    for name in made:
        merged: dict[str, str] = {}
        for part in parts:
            merged.update(read_scp(part / name))
        write_scp(out_dir / name, merged)
    for part in parts:
        shutil.rmtree(part)


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data_dir", required=True)
    add("--out_dir", required=True)
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
        merge_parts(args)
    else:
        format_part(args)


if __name__ == "__main__":
    run_main(main)
