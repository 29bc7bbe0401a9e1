"""Resuming a training: the epochs done, and the models that are still there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import espnet2.train.trainer as espnet_trainer
import numpy as np
import torch
from espnet2.train.reporter import Reporter

from espnet2_ext.errors import UserError, reason_of
from espnet2_ext.fileio.checkpoint import check_file


def reports_allowed() -> AbstractContextManager[None]:
    """Allow what the reporter of espnet 202511 holds beside tensors and plain values.

    espnet 202611 writes plain values, and loads nothing else, so a training that was
    begun with 202511 could not go on.
    """
    scalar = np.float64(0).__reduce__()[0]  # of numpy._core, or of numpy.core before 2
    modules = ("numpy.core.multiarray", "numpy._core.multiarray")
    allowed: list[Any] = [(scalar, f"{module}.scalar") for module in modules]
    allowed += {type(np.dtype(name)) for name in ("f4", "f8", "i8", "?")}
    return torch.serialization.safe_globals([*allowed, np.dtype, timedelta])


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read ``checkpoint.pth`` on the CPU."""
    with reports_allowed():
        return torch.load(path, map_location="cpu", weights_only=True)


def read_reporter(checkpoint: Path) -> Reporter:
    """Read the results of all epochs from ``checkpoint.pth``, empty without the file.

    Raises:
        UserError: if the file is broken.
    """
    reporter = Reporter()
    if not checkpoint.is_file():
        return reporter
    check_file(checkpoint, str(checkpoint))
    try:
        reporter.load_state_dict(read_checkpoint(checkpoint)["reporter"])
    except Exception as error:  # whatever a broken file makes torch raise
        raise UserError(
            f"{checkpoint}: cannot be resumed from ({type(error).__name__}: "
            f"{reason_of(error)}); expected what an epoch's end saves; copy it from a "
            "backup, or remove the directory to train anew."
        ) from error
    return reporter


def has_stopped_early(reporter: Reporter, options: Any) -> bool:
    """Return whether ``patience`` has already ended this training.

    ESPnet checks only after an epoch, so each resume would train one more epoch.
    """
    phase, key, mode = options.early_stopping_criterion
    if options.patience is None or not reporter.has(phase, key):
        return False
    return reporter.check_early_stopping(options.patience, phase, key, mode)


class _Kept(Reporter):
    """A reporter that knows only the epochs whose models are still there."""

    def __init__(self, reporter: Reporter, output_dir: Path) -> None:
        super().__init__(reporter.get_epoch())
        self.load_state_dict(reporter.state_dict())
        self.output_dir = output_dir

    def sort_epochs_and_values(
        self, key: str, key2: str, mode: str
    ) -> list[tuple[int, float]]:
        """List the epochs, the best first."""
        found = super().sort_epochs_and_values(key, key2, mode)
        return [x for x in found if (self.output_dir / f"{x[0]}epoch.pth").is_file()]


@contextmanager
def averages_of_kept_models() -> Iterator[None]:
    """Let ESPnet average the best of the models that still exist.

    If ``keep_nbest_models`` was raised, some of the n best models were removed before.
    ESPnet would fail on the first of these.
    """
    plain = espnet_trainer.average_nbest_models

    def average(*args: Any, **kwargs: Any) -> None:
        reporter, output_dir = kwargs["reporter"], Path(kwargs["output_dir"])
        numbers = kwargs["nbest"]
        count = numbers if isinstance(numbers, int) else max([1, *numbers])
        gone = set()
        for phase, key, mode in kwargs["best_model_criterion"]:
            if reporter.has(phase, key):
                best = reporter.sort_epochs(phase, key, mode)[:count]
                gone |= {e for e in best if not (output_dir / f"{e}epoch.pth").exists()}
        if gone:
            logging.warning(
                "keep_nbest_models: the models of epochs %s were removed when fewer "
                "were kept; the best of the others are averaged",
                ", ".join(map(str, sorted(gone))),
            )
            kwargs["reporter"] = _Kept(reporter, output_dir)
        plain(*args, **kwargs)

    espnet_trainer.average_nbest_models = average
    try:
        yield
    finally:
        espnet_trainer.average_nbest_models = plain
