"""Check data directories and report every problem at once.

    python -m espnet2_ext.bin.check_data data/train data/valid --fs 16000

Exit code 0: no errors (there may be warnings); 1: errors; 2: wrong options.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from espnet2_ext.data.check import REQUIRED, check_data_dir
from espnet2_ext.data.problems import in_groups
from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.check_data",
        description="Report all problems of Kaldi-style data directories.",
    )
    add = parser.add_argument
    add("dirs", nargs="+", metavar="DIR", help="data directory, e.g. data/train")
    add("--fs", type=int, help="expected rate in Hz; default: any")
    add("--channels", type=int, default=1, help="of all audio; 0: any number")
    add("--required", default=" ".join(REQUIRED), help="lists that must be there")
    add("--no_audio", action="store_true", help="do not open the audio files")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    add("--max_per_kind", type=int, default=20, help="lines shown of a kind; 0: all")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Check every directory; ends with exit code 1 if one has errors."""
    args = get_parser().parse_args(argv)
    numbers = [args.fs or 1, args.nj, args.max_per_kind + 1, args.channels + 1]
    if min(numbers) < 1 or args.fs == 0:
        raise UserError(
            f"found --fs {args.fs} --nj {args.nj} --max_per_kind {args.max_per_kind} "
            f"--channels {args.channels}; expected positive numbers (0 only in the "
            "last two)."
        )
    failed = 0
    for folder in args.dirs:
        problems = check_data_dir(
            folder,
            args.fs,
            audio=not args.no_audio,
            jobs=args.nj,
            required=args.required.split(),
            channels=args.channels or None,
        )
        for line in in_groups(problems, args.max_per_kind):
            print(line)
        errors = sum(not problem.warning for problem in problems)
        warnings = len(problems) - errors
        verdict = "OK" if not errors else "NOT OK"
        print(f"{folder}: {verdict} ({errors} errors, {warnings} warnings)", flush=True)
        failed += bool(errors)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    run_main(main)
