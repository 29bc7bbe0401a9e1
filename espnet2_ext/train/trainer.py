"""ESPnet's trainer, with checkpoints that survive kills and never hold NaN."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from espnet2.train.trainer import Trainer as EspnetTrainer
from espnet2.train.trainer import TrainerOptions as EspnetTrainerOptions
from espnet2.utils.build_dataclass import build_dataclass

from espnet2_ext.train.loss_memory import LossMemory, restore
from espnet2_ext.train.no_batches import describe_batches, refuse_no_batch
from espnet2_ext.train.nonfinite import Guard, refuse_nonfinite_state
from espnet2_ext.train.resumption import (
    averages_of_kept_models,
    has_stopped_early,
    read_checkpoint,
    read_reporter,
    reports_allowed,
)

CHECKPOINT = "checkpoint.pth"  # what ESPnet resumes from


@dataclass
class TrainerOptions(EspnetTrainerOptions):
    """ESPnet's options of its trainer, and ours."""

    nonfinite: str

    def __post_init__(self) -> None:
        """Start with losses without state."""
        self.loss_memory = LossMemory()
        self.batches_described = "found no batch in an epoch of training"


class Trainer(EspnetTrainer):
    """ESPnet's ``Trainer``; a kill loses at most the current epoch.

    ESPnet overwrites ``checkpoint.pth``, then writes ``<N>epoch.pth``, then the links.
    Here ``checkpoint.pth`` is replaced last and atomically. Links that a kill has left
    wrong are repaired when the training is resumed. Non-finite steps stop the training
    or are skipped (``Guard``); non-finite weights are never saved. The checkpoint also
    holds the state of the losses (``LossMemory``).
    """

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add our option to those of the task."""
        parser.add_argument(
            "--nonfinite",
            default="stop",
            help="a loss or gradient that is not finite: stop, or skip the step",
        )

    @classmethod
    def build_options(cls, args: argparse.Namespace) -> TrainerOptions:
        """Pick the options of the trainer."""
        options = build_dataclass(TrainerOptions, args)
        options.batches_described = describe_batches(args)
        return options

    @classmethod
    def train_one_epoch(cls, **kwargs: Any) -> bool:
        """Train one epoch as ESPnet does, and check that all numbers are finite."""
        model, optimizers = kwargs["model"], kwargs["optimizers"]
        guard = Guard(kwargs["options"].nonfinite, kwargs["scaler"])
        with guard.watch(model):
            all_steps_are_invalid = super().train_one_epoch(**kwargs)
        refuse_no_batch(guard.count_batches(), kwargs["options"])
        if guard.judge_losses():  # of an update that the end of the epoch cut off
            for optimizer in optimizers:
                optimizer.zero_grad()
        refuse_nonfinite_state(model, optimizers)
        kwargs["options"].loss_memory.gather(model)
        return all_steps_are_invalid

    @classmethod
    def validate_one_epoch(cls, **kwargs: Any) -> None:
        """Validate as ESPnet does, and report losses that are not finite."""
        guard = Guard(kwargs["options"].nonfinite)
        with guard.watch(kwargs["model"]):
            super().validate_one_epoch(**kwargs)
        guard.judge_losses()

    @staticmethod
    def resume(checkpoint: str | Path, model: torch.nn.Module, **kwargs: Any) -> None:
        """Resume as ESPnet does, and restore the state of the losses."""
        with reports_allowed():
            EspnetTrainer.resume(checkpoint=checkpoint, model=model, **kwargs)
        restore(model, read_checkpoint(checkpoint))

    @classmethod
    def run(cls, *args: Any, **kwargs: Any) -> None:
        """Train as ESPnet does."""
        options = kwargs["trainer_options"]
        if options.resume:
            reporter = read_reporter(Path(options.output_dir) / CHECKPOINT)
            if kwargs["distributed_option"].dist_rank in (None, 0):
                repair_links(Path(options.output_dir), options.best_model_criterion)
            if has_stopped_early(reporter, options):
                # as an uninterrupted training with this patience would have
                options.max_epoch = min(options.max_epoch, reporter.get_epoch())
        complete = options.loss_memory.added_to
        with atomic_checkpoints(complete), averages_of_kept_models():
            super().run(*args, **kwargs)


@contextmanager
def atomic_checkpoints(
    complete: Callable[[dict], dict] = lambda checkpoint: checkpoint,
) -> Iterator[None]:
    """Make ``torch.save`` atomic, and let the checkpoint appear last.

    ESPnet saves the checkpoint before the model of the epoch. A kill in between would
    leave a checkpoint whose model is missing, and averaging would fail. So the
    checkpoint gets its name only after the next file is saved.
    """
    plain = torch.save
    waiting: list[tuple[Path, Path]] = []

    def save(obj: object, f: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            plain(obj, f, *args, **kwargs)
            return
        path = Path(f)
        if path.name == CHECKPOINT and isinstance(obj, dict):
            obj = complete(obj)
        temporary = path.with_name(f".{path.name}.tmp")
        with open(temporary, "wb") as stream:
            plain(obj, stream, *args, **kwargs)
            stream.flush()
            os.fsync(stream.fileno())  # also when the node goes down
        waiting.append((temporary, path))
        if path.name != CHECKPOINT:
            for pair in reversed(waiting):
                os.replace(*pair)
            waiting.clear()

    torch.save = save
    try:
        yield
    finally:
        torch.save = plain


def repair_links(output_dir: Path, best_model_criterion: Any) -> None:
    """Set ``latest.pth`` and ``<phase>.<key>.best.pth`` as the checkpoint says.

    Args:
        output_dir: directory of the training.
        best_model_criterion: triples (phase, key, "min" or "max"), as in the YAML.
    """
    checkpoint = output_dir / CHECKPOINT
    if not checkpoint.is_file():
        return
    reporter = read_reporter(checkpoint)
    epochs = {"latest": reporter.get_epoch()}
    for phase, key, mode in best_model_criterion:
        if reporter.has(phase, key):
            epochs[f"{phase}.{key}.best"] = reporter.get_best_epoch(phase, key, mode)
    for name, epoch in epochs.items():
        link, model = output_dir / f"{name}.pth", f"{epoch}epoch.pth"
        if not (output_dir / model).is_file():
            continue
        if link.is_symlink() and os.readlink(link) == model:
            continue
        temporary = link.with_name(f".{link.name}.tmp")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(model)
        os.replace(temporary, link)
