"""ESPnet's trainer, with checkpoints that a kill at any moment cannot break."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from espnet2.train.reporter import Reporter
from espnet2.train.trainer import Trainer as EspnetTrainer

CHECKPOINT = "checkpoint.pth"  # what ESPnet resumes from


class Trainer(EspnetTrainer):
    """``Trainer`` of ESPnet; a kill costs at most the epoch that was under way.

    ESPnet writes ``checkpoint.pth`` over itself, then ``<N>epoch.pth``, then the links.
    Here ``checkpoint.pth`` comes last, complete, in one step; links that a kill left
    behind are put right when the training goes on.
    """

    @classmethod
    def run(cls, *args: Any, **kwargs: Any) -> None:
        """Train as ESPnet does."""
        options = kwargs["trainer_options"]
        if options.resume and kwargs["distributed_option"].dist_rank in (None, 0):
            repair_links(Path(options.output_dir), options.best_model_criterion)
        with atomic_checkpoints():
            super().run(*args, **kwargs)


@contextmanager
def atomic_checkpoints() -> Iterator[None]:
    """Let ``torch.save`` write to a temporary name, and the checkpoint appear last.

    ESPnet saves the checkpoint before the epoch's model. A kill in between would leave
    a checkpoint of an epoch whose model is missing, which averaging then fails on; so
    the checkpoint gets its name when the next file has been saved.
    """
    plain = torch.save
    waiting: list[tuple[Path, Path]] = []

    def save(obj: object, f: Any, *args: Any, **kwargs: Any) -> None:
        if not isinstance(f, (str, os.PathLike)):
            plain(obj, f, *args, **kwargs)
            return
        path = Path(f)
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
    """Point ``latest.pth`` and ``<phase>.<key>.best.pth`` where the checkpoint says.

    Args:
        output_dir: of the training.
        best_model_criterion: triples (phase, key, "min" or "max"), as in the YAML.
    """
    checkpoint = output_dir / CHECKPOINT
    if not checkpoint.is_file():
        return
    # weights_only=False as in ESPnet: the reporter's numbers are objects of numpy
    states = torch.load(checkpoint, map_location="cpu", weights_only=False)
    reporter = Reporter()
    reporter.load_state_dict(states["reporter"])
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
