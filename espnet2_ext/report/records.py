"""``results.jsonl`` and ``claims.jsonl``: the report, for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.report.claims import find_claims
from espnet2_ext.report.column import Column, Run
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.verdict import change_of

RESULTS, CLAIMS = "results.jsonl", "claims.jsonl"  # numbers; what they show
OF_A_NUMBER = frozenset({"system", "metric", "value", "unit", "higher_is_better"})
OF_A_CLAIM = frozenset(
    {"claim", "aspect", "system", "against", "change", "value", "low", "high"}
)


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
                "value": difference.value,
                "low": difference.low,
                "high": difference.high,
                "verdict": difference.verdict(higher_is_better=True),
                "unit": "%",
                "judges": [column.label for column in found.judges],
                "command": command,
            }


def to_jsonl(found: Iterator[dict[str, Any]]) -> str:
    """Print records, one a line."""
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in found)


def of_set(
    found: Sequence[Mapping[str, Any]], test_set: str = ""
) -> list[Mapping[str, Any]]:
    """Choose the numbers of one test set; the first of the report where it is empty.

    Raises:
        UserError: if there is no such set.
    """
    sets = list(dict.fromkeys(r["test_set"] for r in found if "test_set" in r))
    test_set = test_set or next(iter(sets), "")
    if test_set not in sets:
        raise unknown_name("test set", test_set, sets)
    return [record for record in found if record.get("test_set") == test_set]


def read_records(
    path: Path, keys: Collection[str] = OF_A_NUMBER
) -> list[dict[str, Any]]:
    """Read the records of a report.

    Args:
        path: ``results.jsonl``, or another with its ``keys``.
        keys: that each record must have.

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
        if not isinstance(record, dict) or (lost := set(keys) - record.keys()):
            missing = ", ".join(sorted(lost)) if isinstance(record, dict) else "all"
            raise UserError(
                f"{path}:{number}: found a record without {missing}; expected one of "
                "this version; make the report again (stage 15)."
            )
        found.append(record)
    return found
