"""Stage 2: add copies of a data directory played faster or slower.

Mixture and references are resampled alike, so they stay aligned. As in ESPnet, the
copies' ids are ``sp<factor>-<id>``; factor 1.0 keeps the originals. So are those of
speakers; lists about neither are copied.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.data.speed import merge_speeds, parse_factors, perturb_part
from espnet2_ext.errors import run_main


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
    given = args.data_dir, args.out_dir, args.streams.split()
    factors = parse_factors(args.factors)
    if args.merge == "true":
        merge_speeds(*given, factors)
    else:
        perturb_part(*given, factors, (args.job, args.num_jobs))


if __name__ == "__main__":
    run_main(main)
