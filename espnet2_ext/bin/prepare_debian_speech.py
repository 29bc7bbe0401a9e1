"""Make the embedded corpus: fetch Debian packages, mix, write data directories.

python -m espnet2_ext.bin.prepare_debian_speech --corpus_size small
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.data.debian.build import build_corpus
from espnet2_ext.data.debian.fetch import fetch_packages
from espnet2_ext.data.debian.packages import packages_for
from espnet2_ext.data.debian.plan import Options
from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_debian_speech",
        description="Make the embedded corpus out of Debian packages.",
    )
    add = parser.add_argument
    add("--corpus_size", default="small", help="tiny | small | core | extended")
    add("--downloads", default="downloads", help="where packages are kept")
    add("--data_dir", default="data", help="where the sets are written")
    add("--max_train_utts", type=int, default=0, help="before copies; 0: all")
    add("--max_test_utts", type=int, default=0, help="also of valid; 0: all")
    add("--train_copies", type=int, default=1, help="mixtures of each utterance")
    add("--rir_prob", type=float, default=0.0, help="share in simulated rooms")
    add("--seed", type=int, default=0, help="of every random choice")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    add("--fetch_only", action="store_true", help="stop after the downloads")
    return parser


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch and build; see ``--help``."""
    args = get_parser().parse_args(argv)
    if args.nj < 1:
        raise UserError(f"found --nj {args.nj}; expected 1 or more.")
    options = Options(
        corpus_size=args.corpus_size,
        max_train_utts=args.max_train_utts,
        max_test_utts=args.max_test_utts,
        train_copies=args.train_copies,
        rir_prob=args.rir_prob,
        seed=args.seed,
    )
    trees = fetch_packages(packages_for(args.corpus_size), Path(args.downloads), say)
    if not args.fetch_only:
        build_corpus(trees, Path(args.data_dir), options, args.nj, say)


if __name__ == "__main__":
    run_main(main)
