"""Evaluating a trained head on the test set of a condition."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.superb.diarisation import reference_turns, score_turns
from espnet2_ext.superb.manifest import read_task_manifest
from espnet2_ext.superb.outcomes import Evaluated, Prediction
from espnet2_ext.superb.probe import PROBE_FORMAT, Probe, locked


def evaluate(probe: Probe, condition: str) -> tuple[dict[str, Any], bool]:
    """Evaluate the view of a condition, unless its result stands already.

    Writes predictions.jsonl and, last, result.json below evaluate/<condition>/.

    Returns:
        The content of result.json, and whether it was computed now.

    Raises:
        UserError: if the probe is not trained, or the directory is another's.
    """
    with locked(probe):
        probe.claim()
        head = probe.head()
        if head is None:
            raise UserError(
                f"{probe.directory}: '{probe.task.name}' is not trained; run: "
                "python -m espnet2_ext.bin.superb train (with the same options)"
            )
        folder = probe.directory / "evaluate" / condition
        fingerprint = fingerprint_of(probe, condition, head)
        before = read_result(folder)
        if before.get("fingerprint") == fingerprint:
            return _with_upstream(probe, folder, before), False
        probe.upstream.crop_samples = 0
        items, metrics = test_items(probe, probe.view(condition), head)
        result = _result(probe, condition, head, items, metrics)
        result["fingerprint"] = fingerprint
        with atomic_write(folder / "predictions.jsonl") as stream:
            for item in items:
                stream.write(json.dumps(item, ensure_ascii=False) + "\n")
        with atomic_write(folder / "result.json") as stream:
            json.dump(result, stream, indent=1)
        return result, True


def read_result(folder: Path) -> dict[str, Any]:
    """Read result.json; empty if there is none."""
    path = folder / "result.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def fingerprint_of(probe: Probe, condition: str, head: dict[str, Any]) -> str:
    """Digest the head, the view, and size and time of change of its audio."""
    digest = hashlib.sha256(json.dumps([PROBE_FORMAT, head]).encode())
    digest.update(probe.view(condition).read_bytes())
    manifest = read_task_manifest(probe.task, probe.view(condition), "test")
    for path in sorted({path for _, path in manifest.audio()}):
        stat = os.stat(path)
        digest.update(f"{path} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def outputs_of(probe: Probe) -> Path:
    """Tell where s3prl puts the outputs for a test set, by the CSV's stem."""
    return probe.target_dir / "evaluate" / "valid_best"


@contextmanager
def run_test(probe: Probe, csv: Path, head: dict[str, Any]) -> Iterator[None]:
    """Let s3prl evaluate a test set; its outputs are there within the context."""
    shutil.rmtree(probe.target_dir / "evaluate", ignore_errors=True)
    stage = probe.problem.stages[1]
    config = {**probe.run_config([csv]), "start": stage}
    if not probe.task.has_valid:
        config["test_ckpt_steps"] = [head["step"]]
    probe.problem.run_until(stage, config)
    yield
    shutil.rmtree(probe.target_dir / "evaluate", ignore_errors=True)


def test_items(
    probe: Probe, csv: Path, head: dict[str, Any]
) -> tuple[list[Prediction], dict[str, float]]:
    """Evaluate a test set: its items, and the metrics as s3prl gives them."""
    statistic, problem = probe.task.statistic, probe.problem

    def score_recordings() -> list[Prediction]:
        return score_turns(
            reference_turns(read_task_manifest(probe.task, csv, "test").rows),
            outputs_of(probe) / csv.stem / "prediction",
            head["threshold"],
            head["median_filter"],
            probe.upstream.downsample_rates[0],
        )

    with run_test(probe, csv, head):
        evaluated = Evaluated(problem.task, problem.batches, score_recordings)
        items = statistic.items(evaluated)
    return items, statistic.metrics(dict(problem.metrics), items)


def _upstream_of(probe: Probe) -> dict[str, Any]:
    """Name the upstream: what it is, and what the user calls it."""
    spec = probe.upstream.spec
    found = {"upstream": spec.upstream, "tag": spec.tag}
    if spec.path_or_url:
        found["path_or_url"] = spec.path_or_url
        found["checkpoint"] = spec.identity()["checkpoint"]
    return found


def _with_upstream(
    probe: Probe, folder: Path, result: dict[str, Any]
) -> dict[str, Any]:
    """Complete a result of before, which had the tag under ``upstream``."""
    if "tag" not in result:
        result = {**result, **_upstream_of(probe)}
        with atomic_write(folder / "result.json") as stream:
            json.dump(result, stream, indent=1)
    return result


def _result(
    probe: Probe,
    condition: str,
    head: dict[str, Any],
    items: list[Prediction],
    metrics: dict[str, float],
) -> dict[str, Any]:
    task = probe.task
    tuned = ("threshold", "median_filter")
    return {
        "task": task.name,
        **_upstream_of(probe),
        "condition": condition,
        "metric": task.metric,
        "value": task.statistic.value(items),
        "unit": task.unit,
        "higher_is_better": task.statistic.higher_is_better,
        "items": len(items),
        "all": metrics,
        "head": {name: head[name] for name in ("checkpoint", "step", "chosen_on")},
        **{name: head[name] for name in tuned if name in head},
    }
