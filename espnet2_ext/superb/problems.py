"""s3prl's problem classes, fed from CSV manifests and a store of features.

Only the ends are replaced: where the data come from, where the features come from,
what is kept of an evaluation. Everything between is s3prl's.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from espnet2_ext.superb.compat import s3prl_problem
from espnet2_ext.superb.features import StoredUpstream
from espnet2_ext.superb.outcomes import Batch
from espnet2_ext.superb.tasks import SEGMENT, TASKS, Task

# class of s3prl.problem -> the stages that train and that evaluate
STAGES = {"ASR": (3, 4), "Common": (2, 3), "ASV": (2, 3), "Diarization": (1, 2)}
COMPLETE = "config.yaml"  # what s3prl writes last into a checkpoint


class StageDone(Exception):
    """The stage that was asked for is done."""


class CsvProblem:
    """The ends of a problem; mixed into a class of s3prl by `problem_of`.

    Attributes:
        upstream: stands in for the upstream that s3prl would load.
        metrics: of the last evaluation of a test set, as s3prl names them.
        batches: what its forward passes kept.
        task: the task that did it.
        hop: samples per frame.
    """

    has_valid = True

    def __init__(self, upstream: StoredUpstream | None = None) -> None:
        super().__init__()
        self.upstream = upstream
        self.metrics: dict[str, float] = {}
        self.batches: list[Batch] = []
        self.task: Any = None

    @property
    def stages(self) -> tuple[int, int]:
        """The stages that train and that evaluate."""
        names = [base.__name__ for base in type(self).__mro__]
        return next(STAGES[name] for name in names if name in STAGES)

    def prepare_data(
        self, prepare_data: dict, target_dir: str, cache_dir: str, get_path_only: bool
    ) -> tuple:
        """Hand the manifests over as they are."""
        tests = [Path(path) for path in prepare_data["tests"]]
        if not self.has_valid:
            return Path(prepare_data["train"]), tests
        return Path(prepare_data["train"]), Path(prepare_data["valid"]), tests

    def build_upstream(self, build_upstream: dict) -> StoredUpstream:
        """Give the upstream of this run; checkpoints hold only its tag."""
        assert self.upstream is not None
        return self.upstream

    def evaluate(
        self, evaluate: dict, mode: str, task: Any, *rest: Any, **options: Any
    ) -> dict:
        """Evaluate as s3prl does, and keep what it throws away."""
        with _recording(task) as batches:
            base: Any = super()
            metrics = base.evaluate(evaluate, mode, task, *rest, **options)
        if mode == "test":
            self.metrics = {name: float(value) for name, value in metrics.items()}
            self.batches, self.task = batches, task
        return metrics

    def scoring(self, *args: object) -> None:
        """Leave diarisation to `diarisation.score_turns`."""

    def save_model(self, save_model: dict, model_ckpt_dir: str, *rest: Any) -> None:
        """Save the head; the best one so far stays until the new one is complete."""
        keep_previous(Path(model_ckpt_dir).parent)
        base: Any = super()
        base.save_model(save_model, model_ckpt_dir, *rest)

    @staticmethod
    def _stage_check(stage_id: int, stop: int | None, check_fn: Callable) -> None:
        check_fn()
        if stage_id == stop:
            raise StageDone

    def run_until(self, stop: int, config: dict[str, Any]) -> None:
        """Run s3prl's stages ``config["start"]`` to ``stop``."""
        base: Any = self
        with text_columns():
            try:
                base.run(**{**config, "stop": stop})
            except StageDone:
                return


@functools.cache
def problem_of(task: Task) -> type:
    """Make the class of a task."""
    body = {"has_valid": task.has_valid}
    base = getattr(s3prl_problem(), task.problem)
    return type(f"Csv{task.problem}", (CsvProblem, base), body)


@contextmanager
def _recording(task: Any) -> Iterator[list[Batch]]:
    batches: list[Batch] = []
    reduction = task.reduction

    def remember(mode: str, cached: list[Batch], **options: Any) -> dict:
        batches.extend(cached)
        return reduction(mode, cached, **options)

    task.reduction = remember
    try:
        yield batches
    finally:
        del task.reduction


@contextmanager
def text_columns() -> Iterator[None]:
    """Let s3prl read ids and labels as text: '007', '1' and 'NA' stay what they are."""
    import pandas

    plain = pandas.read_csv
    splits = [(task, split) for task in TASKS.values() for split in task.splits]
    names = {name for task, split in splits for name in task.columns_of(split)}
    text = names - {*SEGMENT, "duration"}
    pandas.read_csv = functools.partial(  # type: ignore[assignment]
        plain,
        dtype=dict.fromkeys(text, str),
        keep_default_na=False,
        na_values={name: [""] for name in SEGMENT},
    )
    try:
        yield
    finally:
        pandas.read_csv = plain


def _previous(checkpoint: Path) -> Path:
    return checkpoint.with_name(f".{checkpoint.name}.previous")


def keep_previous(checkpoint: Path) -> None:
    """Set a complete checkpoint aside before it is written anew."""
    if (checkpoint / COMPLETE).is_file():
        shutil.rmtree(_previous(checkpoint), ignore_errors=True)
        os.rename(checkpoint, _previous(checkpoint))


def is_complete(checkpoint: Path) -> bool:
    """Tell whether s3prl had written all of a checkpoint."""
    last = checkpoint / COMPLETE
    return last.is_file() and last.stat().st_size > 0


def repair(target_dir: Path) -> None:
    """Remove what a kill left half-written, so that ``auto_resume`` can go on."""
    for checkpoint in [
        *target_dir.glob("train/step_*"),
        target_dir / "train/valid_best",
    ]:
        if not is_complete(checkpoint):
            shutil.rmtree(checkpoint, ignore_errors=True)
            if _previous(checkpoint).is_dir():
                os.rename(_previous(checkpoint), checkpoint)
    for lengths in target_dir.glob("train_*/*.json"):
        try:
            json.loads(lengths.read_text())
        except ValueError:
            lengths.unlink()
