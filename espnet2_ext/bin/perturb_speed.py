"""Stage 2: add copies of a data directory played faster or slower.

Mixture and references are resampled alike, so they stay aligned. As in ESPnet, the
copies' ids are ``sp<factor>-<id>``; factor 1.0 keeps the originals. So are those of
speakers; lists about neither are copied.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from espnet2_ext.data.format import part_of, read_streams
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.audio import read_audio, resample, write_audio
from espnet2_ext.fileio.lists import OTHER, list_kind
from espnet2_ext.fileio.names import OutputFolder
from espnet2_ext.fileio.scp import (
    copy_list,
    iter_scp,
    read_scp,
    utt2spk_to_spk2utt,
    write_scp,
)

SCALE = 10_000  # rates handed to the resampler: factor * SCALE -> SCALE


def change_speed(wav: np.ndarray, factor: float) -> np.ndarray:
    """Play (T,) or (T, C) samples ``factor`` times faster: (T / factor, ...)."""
    return np.clip(resample(wav, round(factor * SCALE), SCALE), -1.0, 1.0)


def parse_factors(text: str) -> list[float]:
    """Read for example ``"0.9 1.0 1.1"``."""
    try:
        factors = [float(word) for word in text.split()]
    except ValueError:
        factors = []
    if not factors or not all(0.1 <= factor <= 10 for factor in factors):
        raise UserError(f"Found speeds '{text}'; expected for example '0.9 1.0 1.1'.")
    return factors


def prefix_of(factor: float) -> str:
    """Return the prefix of ids, empty for the original speed."""
    return "" if factor == 1.0 else f"sp{factor:g}-"


def perturb_part(args: argparse.Namespace) -> None:
    """Write one job's part of the changed audio."""
    tables = read_streams(args.data_dir, args.streams)
    inputs = [source for table in tables.values() for source in table.values()]
    for name, table in tables.items():
        folder = OutputFolder(audio_dir(args.out_dir, name), inputs)
        for factor in args.factors:
            if prefix := prefix_of(factor):
                for key, source in part_of(table, args.job, args.num_jobs).items():
                    wav, fs = read_audio(source)
                    target = folder.path(prefix + key, ".wav")
                    write_audio(target, change_speed(wav, factor), fs)
                print(f"{name}: speed {factor:g} done", flush=True)


def audio_dir(out_dir: Path, stream: str) -> Path:
    """Return where the changed audio of a stream lies."""
    return out_dir / "audio" / stream


def merge_list(source: Path, target: Path, kind: str, prefixes: list[str]) -> None:
    """Write a list with a line for each speed; one about neither is copied."""
    if kind == OTHER:
        copy_list(source, target)
        return
    rows = [(key, value) for _, key, value in iter_scp(source)]
    speaker = source.name == "utt2spk"  # its value is an id, too
    table = {
        prefix + key: (prefix + value if speaker else value)
        for prefix in prefixes
        for key, value in rows
    }
    write_scp(target, table)


def merge(args: argparse.Namespace) -> None:
    """Write the tables of the new data directory; ``wav.scp`` comes last."""
    prefixes = [prefix_of(factor) for factor in args.factors]
    tables = read_streams(args.data_dir, args.streams)
    utts = tables["wav"].keys()
    speakers = set(read_scp(args.data_dir / "utt2spk").values())
    for source in sorted(args.data_dir.iterdir()):
        own = source.suffix == ".scp" or source.name == "spk2utt"
        if source.is_file() and not own and source.name[0] != ".":
            kind = list_kind(source, utts, speakers)
            merge_list(source, args.out_dir / source.name, kind, prefixes)
    utt2spk = read_scp(args.out_dir / "utt2spk")
    write_scp(args.out_dir / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    for name in reversed(args.streams):
        folder = OutputFolder(audio_dir(args.out_dir, name))
        table = {
            prefix + key: str(folder.path(prefix + key, ".wav")) if prefix else source
            for prefix in prefixes
            for key, source in tables[name].items()
        }
        write_scp(args.out_dir / f"{name}.scp", table)


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data_dir", required=True, type=Path)
    add("--out_dir", required=True, type=Path)
    add("--streams", default="wav spk1", help="names of the .scp files, wav first")
    add("--factors", required=True, help="e.g. '0.9 1.0 1.1'")
    add("--job", type=int, default=1)
    add("--num_jobs", type=int, default=1)
    add("--merge", choices=("true", "false"), default="false")
    return parser


def main(cmd: list[str] | None = None) -> None:
    """Entry point."""
    args = get_parser().parse_args(cmd)
    args.streams = args.streams.split()
    args.factors = parse_factors(args.factors)
    if args.merge == "true":
        merge(args)
    else:
        perturb_part(args)


if __name__ == "__main__":
    run_main(main)
