"""Training a probe, and fixing the head that every condition shares."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.digest import hash_file
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.superb.diarisation import choose_threshold, reference_turns
from espnet2_ext.superb.evaluation import outputs_of, run_test, test_items
from espnet2_ext.superb.manifest import FS, audio_header, read_task_manifest
from espnet2_ext.superb.probe import Probe, locked
from espnet2_ext.superb.problems import repair


def train(probe: Probe) -> bool:
    """Train the head, or go on where a run was killed.

    s3prl resumes at the last ``train.save_step`` with the epoch's first batch, so a
    resumed head is as good as, but not bit for bit, one of an uninterrupted run.

    Returns:
        False if it was trained already.

    Raises:
        UserError: if the directory is another probe's, or fewer steps are wanted
            than were done.
    """
    with locked(probe):
        probe.claim()
        total = probe.config["train"]["total_steps"]
        before = probe.head()
        if before and before["total_steps"] > total:
            raise UserError(
                f"{probe.directory} was trained for {before['total_steps']} steps, "
                f"found train.total_steps {total}; give another --exp_dir."
            )
        if before and before["total_steps"] == total:
            return False
        check_training_lengths(probe)
        repair(probe.target_dir)
        probe.upstream.crop_samples = probe.crop_samples()
        stop = probe.problem.stages[0]
        probe.problem.run_until(stop, {**probe.run_config([]), "start": 0})
        for leftover in probe.target_dir.glob("train/.*.previous"):
            shutil.rmtree(leftover)
        head = {"total_steps": total, **choose_head(probe)}
        with atomic_write(probe.directory / "head.json") as stream:
            json.dump(head, stream, indent=1)
        return True


def check_training_lengths(probe: Probe) -> None:
    """Refuse a training of which s3prl would drop every utterance as too short.

    Raises:
        UserError: if nothing is longer than ``build_dataset.train.min_secs``.
    """
    options = probe.config["build_dataset"].get("train") or {}
    least = options.get("min_secs") or 0
    manifest = read_task_manifest(probe.task, probe.csv("train"), "train")
    longest = max(audio_header(path).samples / FS for _, path in manifest.audio())
    if longest <= least:
        raise UserError(
            f"{manifest.path}: the longest utterance has {longest:.2f} s, and training "
            f"drops all of {least} s or less; lower build_dataset.train.min_secs in "
            f"{probe.conf_dir}/{probe.task.name}.yaml."
        )


def choose_head(probe: Probe) -> dict[str, Any]:
    """Fix on clean speech what s3prl would choose on every test set anew.

    The checkpoint is s3prl's best on the validation set. Speaker verification has
    none: there it is the step with the lowest EER on the clean trials. Diarisation
    also needs a threshold and a median filter: the best on the validation set.
    """
    if not probe.task.has_valid:
        return _best_step(probe)
    stats = probe.target_dir / "train" / "valid_best" / "training_stats.yaml"
    step = read_yaml(stats)["global_step"]
    metric = probe.config["train"]["valid_metric"]
    head = _checkpoint(probe, "valid_best", step, f"{metric} of the clean valid set")
    if not probe.task.statistic.needs_threshold:
        return head
    with run_test(probe, probe.csv("valid"), head):
        rows = read_task_manifest(probe.task, probe.superb_dir, "valid").rows
        found = choose_threshold(
            reference_turns(rows),
            outputs_of(probe) / "valid" / "prediction",
            probe.config["scoring"],
            probe.upstream.downsample_rates[0],
        )
    return {**head, **found}


def _best_step(probe: Probe) -> dict[str, Any]:
    names = [path.name for path in probe.target_dir.glob("train/step_*")]
    steps = sorted(int(name.removeprefix("step_")) for name in names)
    probe.upstream.crop_samples = 0
    task, values = probe.task, {}
    for step in steps:
        items, _ = test_items(probe, probe.csv("test"), {"step": step})
        values[step] = task.statistic.value(items)
    best = min(steps, key=lambda step: values[step])
    chosen_on = f"{task.metric} of the clean trials"
    return _checkpoint(probe, f"step_{best}", best, chosen_on)


def _checkpoint(probe: Probe, name: str, step: int, chosen_on: str) -> dict[str, Any]:
    state = Path("train") / name / "model" / "state_dict.pt"
    return {
        "checkpoint": name,
        "step": step,
        "chosen_on": chosen_on,
        "hash": hash_file(str(probe.target_dir / state)),
    }
