"""What losses remember from step to step, kept in ``checkpoint.pth``.

Some losses learn without parameters: the alpha of ``balance: gradient_norm``, running
statistics, uncertainties of layers. A training that is interrupted goes on with them,
so that it is the same experiment as one that is not. They are no part of the model,
whose ``<N>epoch.pth`` stays loadable without this package.
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
    """List the loss wrappers of a model that learn, by the names of their losses."""
    model = getattr(model, "module", model)  # what DistributedDataParallel wraps
    return {
        wrapper.criterion.name: wrapper
        for wrapper in getattr(model, "loss_wrappers", [])
        if hasattr(wrapper, "memory") and wrapper.memory()
    }


class LossMemory:
    """The memory of all losses, in every process of a training.

    A loss of ESPnet has none.

    Attributes:
        of_processes: ``{loss: memory of its wrapper}`` of each process, by rank.
    """

    def __init__(self) -> None:
        self.of_processes: list[dict[str, dict]] = []

    def gather(self, model: nn.Module) -> None:
        """Take in what the losses know now; every process has to call this."""
        own = {name: wrapper.memory() for name, wrapper in _learning(model).items()}
        self.of_processes = gather_from_processes(own)

    def added_to(self, checkpoint: dict) -> dict:
        """Give the checkpoint with what was gathered; as it is where that is empty."""
        if not any(self.of_processes):
            return checkpoint
        return {**checkpoint, KEY: self.of_processes}


def restore(model: nn.Module, checkpoint: dict[str, Any]) -> None:
    """Let the losses go on with what they knew at the checkpoint.

    With another number of processes than before, each takes what the process of its
    rank knew, in turn. A loss that the checkpoint does not know begins anew.
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
