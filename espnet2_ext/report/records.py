"""``results.jsonl``: every number of the report, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from espnet2_ext.report.column import Column, Run


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


def to_jsonl(columns: Sequence[Column], rows: Sequence[str], command: str) -> str:
    """Print `records`, one a line."""
    found = records(columns, rows, command)
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in found)
