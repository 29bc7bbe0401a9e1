"""Make the Russian ASR sets out of Debian packages: train, valid, test, test_noisy.

python -m espnet2_ext.bin.prepare_debian_asr --data_dir data
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.data.debian.asr_sets import NOISY, SETS, asr_packages, write_asr_sets
from espnet2_ext.data.debian.fetch import fetch_packages
from espnet2_ext.errors import UserError, run_main, unknown_name


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_debian_asr",
        description="Make clean Russian speech for ASR out of Debian packages.",
    )
    add = parser.add_argument
    add("--downloads", default="downloads", help="where packages are kept")
    add("--data_dir", default="data", help="where the sets are written")
    add("--sets", default=" ".join(SETS), help="which to write")
    add("--max_train_utts", type=int, default=0, help="0: all")
    add("--max_test_utts", type=int, default=0, help="also of valid; 0: all")
    add("--seed", type=int, default=0, help="of the noise in test_noisy")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    return parser


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch and write; see ``--help``."""
    args = get_parser().parse_args(argv)
    numbers = (args.max_train_utts, args.max_test_utts, args.seed)
    if args.nj < 1 or min(numbers) < 0:
        raise UserError(
            f"found --nj {args.nj} --max_train_utts {args.max_train_utts} "
            f"--max_test_utts {args.max_test_utts} --seed {args.seed}; expected "
            "--nj of 1 or more and no negative number."
        )
    sets = args.sets.split()
    for name in sets:
        if name not in SETS:
            raise unknown_name("set", name, SETS)
    trees = fetch_packages(asr_packages(), Path(args.downloads), say)
    most = {
        "train": args.max_train_utts,
        **dict.fromkeys(("valid", "test", NOISY), args.max_test_utts),
    }
    write_asr_sets(trees, Path(args.data_dir), most, args.seed, args.nj, say, sets)


if __name__ == "__main__":
    run_main(main)
