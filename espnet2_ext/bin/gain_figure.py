"""Draw where an SSL loss pays, from the records of several reports.

Each experiment is a point for each of its losses: what the loss gains, over the signal
loss and over the control, against how good the enhancer is without it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.report.document import table_to_markdown
from espnet2_ext.report.gains import gain_figure, gain_table, read_gains


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results",
        nargs="+",
        required=True,
        metavar="NAME=DIR",
        help="experiments, and where their results.jsonl and claims.jsonl are",
    )
    parser.add_argument("--output", type=Path, required=True, help="PNG")
    args = parser.parse_args(argv)
    experiments = {}
    for word in args.results:
        name, _, folder = word.partition("=")
        if not (name and folder):
            raise UserError(f"--results: found '{word}', expected NAME=DIR.")
        experiments[name] = Path(folder)
    gains = read_gains(experiments)
    with atomic_write(args.output, "wb") as stream:
        stream.write(gain_figure(gains))
    print(table_to_markdown(gain_table(gains)))


if __name__ == "__main__":
    run_main(main)
