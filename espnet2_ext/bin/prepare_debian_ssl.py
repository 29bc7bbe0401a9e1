"""Make the pre-training sets out of Debian packages: train and valid, clean.

python -m espnet2_ext.bin.prepare_debian_ssl --data_dir data
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.bin.prepare_debian_asr import say
from espnet2_ext.data.debian.fetch import fetch_packages
from espnet2_ext.data.debian.ssl_sets import ssl_packages, write_ssl_sets
from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_debian_ssl",
        description="Make permissively licensed speech out of Debian packages.",
    )
    add = parser.add_argument
    add("--downloads", default="downloads", help="where packages are kept")
    add("--data_dir", default="data", help="where the sets are written")
    add("--max_train_utts", type=int, default=0, help="0: all")
    add("--max_valid_utts", type=int, default=0, help="0: all")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch and write; see ``--help``."""
    args = get_parser().parse_args(argv)
    if args.nj < 1 or min(args.max_train_utts, args.max_valid_utts) < 0:
        raise UserError(
            f"found --nj {args.nj} --max_train_utts {args.max_train_utts} "
            f"--max_valid_utts {args.max_valid_utts}; expected --nj of 1 or more and "
            "no negative number."
        )
    trees = fetch_packages(ssl_packages(), Path(args.downloads), say)
    most = {"train": args.max_train_utts, "valid": args.max_valid_utts}
    write_ssl_sets(trees, Path(args.data_dir), most, args.nj, say)


if __name__ == "__main__":
    run_main(main)
