"""Print a table of committed records, ``results.jsonl``, as Markdown.

What a page quotes is made by this, so that a test can compare page and records.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main, unknown_name
from espnet2_ext.report.cells import Cell, Table, number_cell
from espnet2_ext.report.document import table_to_markdown
from espnet2_ext.report.records import of_set, read_records


def make_table(
    records: Sequence[Mapping],
    columns: Sequence[tuple[str, str, int]],
    test_set: str = "",
) -> Table:
    """Build the table: a row for each system, mean and deviation over seeds.

    Args:
        records: of one report.
        columns: metric, printed name, decimals.
        test_set: whose records; the first of the report where it is empty.

    Raises:
        UserError: if a metric or the test set is not in the records.
    """
    records = of_set(records, test_set)
    systems = list(dict.fromkeys(r["system"] for r in records))
    systems.sort(key=lambda name: name != "clean")
    header, grid = [""], [[Cell(name)] for name in systems]
    for metric, label, digits in columns:
        found = [r for r in records if r["metric"] == metric]
        if not found:
            raise unknown_name("metric", metric, {r["metric"] for r in records})
        unit = f" ({found[0]['unit']})" if found[0]["unit"] else ""
        header.append(f"{label}{unit} {'↑' if found[0]['higher_is_better'] else '↓'}")
        for row, name in zip(grid, systems, strict=True):
            values = [r["value"] for r in found if r["system"] == name]
            mean = statistics.fmean(values) if values else None
            spread = statistics.stdev(values) if len(values) > 1 else None
            row.append(number_cell(mean, spread, digits))
    return Table("", tuple(header), tuple(map(tuple, grid)), ())


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=Path, required=True, help="results.jsonl")
    parser.add_argument("--test_set", default="", help="default: the report's first")
    parser.add_argument(
        "--columns",
        nargs="+",
        required=True,
        metavar="METRIC=NAME:DIGITS",
        help="e.g. 'LPS=LPS:1'",
    )
    args = parser.parse_args(argv)
    columns = []
    for word in args.columns:
        metric, _, rest = word.partition("=")
        label, _, digits = rest.rpartition(":")
        if not (metric and label and digits.isdigit()):
            raise UserError(f"--columns: found '{word}', expected METRIC=NAME:DIGITS.")
        columns.append((metric, label, int(digits)))
    table = make_table(read_records(args.results), columns, args.test_set)
    print(table_to_markdown(table))


if __name__ == "__main__":
    run_main(main)
