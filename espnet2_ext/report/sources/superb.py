"""Read what the probes reached (stage 14) into columns, one per task and upstream.

``<superb_dir>/<upstream>/<task>/evaluate/<condition>/{result.json,predictions.jsonl}``;
a condition is ``clean``, ``noisy``, or the name of an experiment directory.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, shorten, unknown_name
from espnet2_ext.metrics.quantity import (
    CONTENT,
    EMOTION,
    JUDGE,
    SHOWN,
    SPEAKER,
    Quantity,
)
from espnet2_ext.report.circularity import of_probe, related
from espnet2_ext.report.column import DOWNSTREAM, Column, Items, Run, complete_rows
from espnet2_ext.report.systems import Origin, System, losses_of, origins
from espnet2_ext.superb.tasks import Task, task_of

Line = Mapping[str, Any]
TOLERANCE = 0.05  # percentage points between result.json and its predictions
# Content, semantics, speaker, paralinguistics: SUPERB's order; others after them.
ORDER = ("pr", "asr", "ks", "ic", "sf", "sid", "asv", "sd", "er")
ASPECTS = {**dict.fromkeys(("sid", "asv", "sd"), SPEAKER), "er": EMOTION}
TOKENS = {"per": "phones", "wer": "words", "cer": "chars"}
METRICS = {"accuracy": "accuracy", "slot_type_f1": "F1"}  # as printed; else upper case


@dataclass(frozen=True)
class Evaluation:
    """One condition of one task with one upstream."""

    path: Path
    result: Mapping[str, Any]
    lines: Mapping[str, Line]


def _read_lines(path: Path) -> list[Line]:
    """Read a file of JSON objects, one a line."""
    lines: list[Line] = []
    number = 0
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
        for number, text in enumerate(texts, start=1):  # noqa: B007
            lines.append(dict(json.loads(text)))
    except OSError as error:
        raise UserError(f"{path}: cannot read ({error}); run stage 14.") from error
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{path}:{number}: not a JSON object ({error}); remove it, run stage 14."
        ) from error
    return lines


def read_evaluation(directory: Path) -> Evaluation:
    """Read ``result.json`` and ``predictions.jsonl``.

    Raises:
        UserError: if one is missing or broken, or an id is twice.
    """
    path, table = directory / "result.json", directory / "predictions.jsonl"
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        float(result["value"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: broken ({error!r}); remove it, run stage 14."
        ) from error
    lines: dict[str, Line] = {}
    for number, line in enumerate(_read_lines(table), start=1):
        key = (
            str(line["id"]) if "id" in line else f"{line.get('id1')} {line.get('id2')}"
        )
        if key in lines:
            raise UserError(f"{table}:{number}: duplicate id '{key}'; run stage 14.")
        lines[key] = line
    if not lines:
        raise UserError(f"{table}: empty; remove it and run stage 14.")
    return Evaluation(directory, result, lines)


def read_items(evaluation: Evaluation, task: Task, metric: str) -> Items:
    """Read what the statistic of a task takes of each line.

    Args:
        evaluation: one condition.
        task: says the statistic.
        metric: "cer" is counted from the characters of a line.

    Raises:
        UserError: naming the line that lacks something.
    """
    items: dict[str, tuple[float, ...]] = {}
    for key, line in evaluation.lines.items():
        try:
            counts = line["chars"] if metric == "cer" else line
            items[key] = task.statistic.of(counts)
        except (KeyError, TypeError, ValueError) as error:
            path = evaluation.path / "predictions.jsonl"
            raise UserError(f"{path}: '{key}': broken ({error!r}).") from error
    return items


def _check_value(evaluation: Evaluation, run: Run) -> None:
    expected = float(evaluation.result["value"])
    value = math.nan if run.value is None else run.value
    if not abs(value - expected) <= TOLERANCE:
        raise UserError(
            f"{evaluation.path}: result.json says {expected:.3f}, its "
            f"predictions.jsonl gives {value:.3f}; remove both, run stage 14."
        )


def _check_same_items(found: Sequence[Evaluation]) -> None:
    first = found[0]
    for other in found[1:]:
        if odd := sorted(set(first.lines) ^ set(other.lines)):
            raise UserError(
                f"{first.path} and {other.path} have different items: {shorten(odd)}; "
                "evaluate both again (stage 14)."
            )


def _read_evaluations(
    task_dir: Path, systems: Sequence[System]
) -> dict[str, list[tuple[Evaluation, Origin]]]:
    found: dict[str, list[tuple[Evaluation, Origin]]] = {}
    for name, origin in origins(systems):
        directory = task_dir / "evaluate" / (origin.row if origin else name)
        if (directory / "result.json").is_file():
            entry = (read_evaluation(directory), origin)
            found.setdefault(name, []).append(entry)
    if found:
        _check_same_items([entry for runs in found.values() for entry, _ in runs])
    return found


def _read_columns(task_dir: Path, systems: Sequence[System]) -> list[Column]:
    """Read the main metric of a task, and for ASR the character error rate too."""
    task = task_of(task_dir.name)
    found = _read_evaluations(task_dir, systems)
    if not found:
        return []
    first = next(iter(found.values()))[0][0]
    with_chars = "chars" in next(iter(first.lines.values()))
    judges = (of_probe(first.path.parents[1], first.result),)
    columns = []
    for metric in (task.metric, "cer") if with_chars else (task.metric,):
        runs: dict[str, list[Run]] = {}
        for row, entries in found.items():
            for evaluation, origin in entries:
                source = evaluation.path / "result.json"
                items = read_items(evaluation, task, metric)
                run = Run(task.statistic.resampled, origin, source, items)
                if metric == task.metric:
                    _check_value(evaluation, run)
                runs.setdefault(row, []).append(run)
        rows, incomplete = complete_rows(runs, systems)
        items = next(iter(runs.values()))[0].items
        columns.append(
            Column(
                quantity=_quantity(task, metric, task_dir.parent.name),
                kind=DOWNSTREAM,
                place={"task": task.name, "upstream": task_dir.parent.name},
                rows=rows,
                count=round(task.statistic.count(items.values())),
                item_name=TOKENS.get(metric) or task.statistic.item_name,
                judges=judges,
                related=related("its upstream", judges, losses_of(systems)),
                incomplete=incomplete,
            )
        )
    return columns


def _quantity(task: Task, metric: str, upstream: str) -> Quantity:
    return Quantity(
        key=metric,
        label=f"{task.name.upper()} {METRICS.get(metric, metric.upper())} {upstream}",
        unit=task.unit,
        higher_is_better=task.statistic.higher_is_better,
        digits=1,
        role=JUDGE if metric == task.metric else SHOWN,
        aspect=ASPECTS.get(task.name, CONTENT),
    )


def _rank(task: str) -> tuple[int, str]:
    return (ORDER.index(task) if task in ORDER else len(ORDER)), task


def read_superb(
    superb_dir: Path, tasks: Sequence[str], systems: Sequence[System]
) -> list[Column]:
    """Read the columns of all upstreams, in SUPERB's order of tasks.

    Args:
        superb_dir: ``exp/superb``.
        tasks: names of the tasks to show; empty: all that were evaluated.
        systems: the rows besides clean and noisy.

    Raises:
        UserError: if there is nothing, a task was not evaluated, or a file is broken.
    """
    found = sorted({p.parent.parent for p in superb_dir.glob("*/*/evaluate/*/")})
    if not found:
        raise UserError(f"{superb_dir}: no evaluated tasks; run stages 13 and 14.")
    known = sorted({path.name for path in found}, key=_rank)
    for task in tasks:
        if task not in known:
            raise unknown_name("evaluated task", task, known)
    columns: list[Column] = []
    for task_dir in sorted(found, key=lambda p: (p.parent.name, _rank(p.name))):
        if not tasks or task_dir.name in tasks:
            columns += _read_columns(task_dir, systems)
    return columns
