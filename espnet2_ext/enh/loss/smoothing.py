"""Exponential moving averages over the steps of a training."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet2_ext.torch_utils.distributed import sum_over_processes


class SmoothedMean:
    """Means over the utterances of all processes, exponentially smoothed over steps.

    Args:
        smoothing: decay, the weight of the past, in [0, 1); 0 uses each step alone.

    Attributes:
        value: (K,), one for each quantity; None before the first step.
    """

    def __init__(self, smoothing: float) -> None:
        self.smoothing = smoothing
        self.value: Tensor | None = None

    def update(self, found: Tensor) -> None:
        """Take in a training step; one that is not finite does not count.

        Args:
            found: of the utterances of this process, (K, B).
        """
        found = found.detach()
        size = found.new_tensor([found.size(1)])
        total = sum_over_processes(torch.cat([found.sum(dim=1), size]))
        now = total[:-1] / total[-1]
        if bool(now.isfinite().all()):
            past = now if self.value is None else self.value.to(now)
            s = self.smoothing
            self.value = s * past + (1 - s) * now
