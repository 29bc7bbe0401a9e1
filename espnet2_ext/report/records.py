"""``results.jsonl`` and ``claims.jsonl``: the report, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.report.claims import find_claims
from espnet2_ext.report.column import Column, Run
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.verdict import change_of

KEYS = {"system", "metric", "value", "unit", "higher_is_better"}  # of every record
RESULTS, CLAIMS = "results.jsonl", "claims.jsonl"  # numbers; what they show


def _record(column: Column, row: str, run: Run, command: str) -> dict[str, Any]:
    return {
        **column.place,
        "system": row,
        "seed": int(run.origin.seed) if run.origin and run.origin.seed else None,
        "exp_dir": run.origin.exp if run.origin else None,
        "metric": column.quantity.key,
        "value": run.value,
        "unit": column.quantity.unit,
        "higher_is_better": column.quantity.higher_is_better,
        "items": column.count,
        "item": column.item_name,
        "role": column.quantity.role,
        "circular": column.circular,
        "source": str(run.source),
        "command": command,
    }


def records(
    columns: Sequence[Column], rows: Sequence[str], command: str
) -> Iterator[dict[str, Any]]:
    """Yield one object per (test set or task, system, seed, metric)."""
    for column in columns:
        for row in rows:
            for run in column.runs(row):
                yield _record(column, row, run, command)


def claim_records(view: Comparison, command: str) -> Iterator[dict[str, Any]]:
    """Yield one object per (pair of rows, claim, aspect of speech)."""
    for a, b in view.pairs:
        for (claim, aspect), found in find_claims(view, a, b).items():
            difference = found.difference
            yield {
                "claim": claim,
                "aspect": aspect,
                "system": a,
                "against": b,
                "change": change_of(view, a, b),
                "metric": "gap_closed",
                "value": difference.value,
                "low": difference.low,
                "high": difference.high,
                "verdict": difference.verdict(higher_is_better=True),
                "unit": "%",
                "higher_is_better": True,
                "judges": [column.label for column in found.judges],
                "command": command,
            }


def to_jsonl(found: Iterator[dict[str, Any]]) -> str:
    """Print records, one a line."""
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in found)


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read the records of a report.

    Raises:
        UserError: if there is no such file, or a line is no record or one of another
            version.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise UserError(
            f"{path}: cannot read it ({error.strerror}); expected a file that stage 15 "
            "writes."
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
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
        found.append(record)
    return found
