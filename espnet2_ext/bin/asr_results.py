"""Print the table of recognition results over several conditions, in Markdown.

The columns are those of ESPnet's show_asr_result.sh. Rows are named SET/CONDITION:
the rows of one set must have scored the same utterances.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.metrics.asr_table import read_conditions, to_markdown


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--asr_dir",
        required=True,
        nargs="+",
        metavar="SET/CONDITION=DIR",
        help="DIR holds the scores.jsonl of bin.score_asr; rows in this order",
    )
    parser.add_argument("--title", default="ASR results", help="heading of the table")
    parser.add_argument("--output", type=Path, help="write it there too")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Print or write the tables."""
    argv = sys.argv[1:] if argv is None else argv
    args = get_parser().parse_args(argv)
    command = shlex.join(["python", "-m", "espnet2_ext.bin.asr_results", *argv])
    text = to_markdown(args.title, read_conditions(args.asr_dir))
    text += f"Command: `{command}`\n"
    print(text, end="")
    if args.output:
        with atomic_write(args.output) as stream:
            stream.write(text)


if __name__ == "__main__":
    run_main(main)
