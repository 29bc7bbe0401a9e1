"""Draw what each weight of a loss gains against what it costs, from records.

``results.jsonl`` is that of an ablation, where choices are made by the validation set.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.report.document import table_to_markdown
from espnet2_ext.report.frontier import frontier_figure, frontier_table, read_axis
from espnet2_ext.report.records import of_set, read_records


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table, and write the figure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--results", type=Path, required=True, help="results.jsonl")
    add("--test_set", default="", help="default: the first in them")
    add("--systems", nargs="+", required=True, help="in the order of their weights")
    add("--baseline", required=True, help="the system without the loss")
    add("--price", nargs="+", default=["SI_SNR", "PESQ_WB"], help="metrics")
    add("--gain", default="LPS", help="metric")
    add("--output", type=Path, required=True, help="PNG")
    args = parser.parse_args(argv)
    records = of_set(read_records(args.results), args.test_set)
    *price, gain = (
        read_axis(records, metric, args.systems, args.baseline)
        for metric in (*args.price, args.gain)
    )
    with atomic_write(args.output, "wb") as stream:
        stream.write(frontier_figure(price, gain))
    print(table_to_markdown(frontier_table(price, gain)))


if __name__ == "__main__":
    run_main(main)
