"""The state of losses between training steps, saved in ``checkpoint.pth``.

Some losses have state that is no model parameter: the alpha of ``balance:
gradient_norm``, running statistics, layer uncertainties. An interrupted training
restores this state, so it is the same experiment as an uninterrupted one. The state is
not saved in ``<N>epoch.pth``, which can be loaded without this package.
"""

from __future__ import annotations

import logging
from typing import Any

from torch import nn

from espnet2_ext.torch_utils.distributed import (
    gather_from_processes,
    process_rank,
)

KEY = "loss_memory"  # in checkpoint.pth, beside ESPnet's "model", "optimizers" ...


def _learning(model: nn.Module) -> dict[str, Any]:
    """Return the loss wrappers of a model that have state, by name of the loss."""
    model = getattr(model, "module", model)  # what DistributedDataParallel wraps
    return {
        wrapper.criterion.name: wrapper
        for wrapper in getattr(model, "loss_wrappers", [])
        if hasattr(wrapper, "memory") and wrapper.memory()
    }


class LossMemory:
    """The state of all losses in every process of a training.

    ESPnet's own losses have no state.

    Attributes:
        of_processes: ``{loss: state of its wrapper}`` of each process, by rank.
    """

    def __init__(self) -> None:
        self.of_processes: list[dict[str, dict]] = []

    def gather(self, model: nn.Module) -> None:
        """Collect the current state of the losses; every process has to call this."""
        own = {name: wrapper.memory() for name, wrapper in _learning(model).items()}
        self.of_processes = gather_from_processes(own)

    def added_to(self, checkpoint: dict) -> dict:
        """Return the checkpoint with the collected state, if there is any."""
        if not any(self.of_processes):
            return checkpoint
        return {**checkpoint, KEY: self.of_processes}


def restore(model: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Restore the state of the losses from a checkpoint.

    If the number of processes has changed, rank r takes the state of rank r modulo the
    old number. A loss without state in the checkpoint starts anew.
    """
    of_processes = checkpoint.get(KEY) or [{}]
    states = of_processes[process_rank() % len(of_processes)]
    for name, wrapper in _learning(model).items():
        if name in states:
            wrapper.remember(states[name])
        else:
            logging.warning(
                "checkpoint.pth holds nothing of what loss '%s' had learnt (alpha, "
                "running statistics, uncertainties): it begins anew",
                name,
            )
