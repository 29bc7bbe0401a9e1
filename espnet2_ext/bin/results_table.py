"""Print a table of committed records, ``results.jsonl``, as Markdown.

What a page quotes is made by this, so that a test can compare page and records.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main, unknown_name
from espnet2_ext.report.cells import Cell, Table, number_cell
from espnet2_ext.report.document import table_to_markdown

KEYS = {"system", "metric", "value", "unit", "higher_is_better"}


def read_records(path: Path) -> list[dict]:
    """Read the records of a report.

    Raises:
        UserError: if a line is no record, or of another version.
    """
    records = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise UserError(f"{path}:{number}: not JSON ({error}).") from error
        if not isinstance(record, dict) or (lost := KEYS - record.keys()):
            missing = ", ".join(sorted(lost)) if isinstance(record, dict) else "all"
            raise UserError(
                f"{path}:{number}: found a record without {missing}; expected one of "
                "this version; make the report again (stage 15)."
            )
        records.append(record)
    return records


def make_table(
    records: Sequence[dict], columns: Sequence[tuple[str, str, int]]
) -> Table:
    """Build the table: a row for each system, mean and deviation over seeds.

    Args:
        records: of one report.
        columns: metric, printed name, decimals.

    Raises:
        UserError: if a metric is not in the records.
    """
    systems = list(dict.fromkeys(r["system"] for r in records))
    systems.sort(key=lambda name: name != "clean")
    header, grid = [""], [[Cell(name)] for name in systems]
    for metric, label, digits in columns:
        found = [r for r in records if r["metric"] == metric and "test_set" in r]
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
    print(table_to_markdown(make_table(read_records(args.results), columns)))


if __name__ == "__main__":
    run_main(main)
