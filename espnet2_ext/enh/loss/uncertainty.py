"""Weights of the layers by their uncertainty."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet2_ext.frames import EPS
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.train.distributed_utils import sum_over_processes

SMOOTHING = 0.95  # what the past counts: the last 20 steps or so


class LayerUncertainty:
    """Kendall et al. (2018, arXiv 1705.07115): ``exp(-s_l) d_l + s_l`` of each layer.

    Each ``s_l`` is at its optimum, ``log E[d_l]``, and not learned by gradient descent
    (as Kirchdorfer et al., 2024, arXiv 2408.07985): no parameter to train or to keep,
    and, unlike weights of a softmax, none can go to the layer that is nearly zero
    anyway. ``E[d_l]`` is the mean over the batch of all processes, exponentially
    smoothed over the training steps. Evaluation takes it as it is; before any training
    step it takes its own batch's and remembers nothing. Because of ``+ s_l`` the value
    falls as the distances do; the first term alone would stay near 1. What is expected
    is in no checkpoint.
    """

    def __init__(self) -> None:
        self.expected: dict[Layer, Tensor] = {}  # of shape ()

    def __call__(
        self, per_layer: dict[Layer, Tensor], update: bool
    ) -> dict[Layer, Tensor]:
        """Scale the distances of each layer, (B,); ``update`` what is expected."""
        expected = self._expected(per_layer, update)
        return {
            layer: distance / expected[layer] + expected[layer].log()
            for layer, distance in per_layer.items()
        }

    def _expected(
        self, per_layer: dict[Layer, Tensor], update: bool
    ) -> dict[Layer, Tensor]:
        if self.expected and not update:
            return self.expected
        found = torch.stack([d.detach() for d in per_layer.values()])  # (L, B)
        size = found.new_tensor([found.size(1)])
        sums = torch.cat([found.sum(dim=1), size])
        *means, count = sum_over_processes(sums) if update else sums
        expected = {
            layer: self._smoothed(layer, (mean / count).clamp_min(EPS))
            for layer, mean in zip(per_layer, means, strict=True)
        }
        # the trainer leaves out a step that is not finite: so does this
        if update and all(value.isfinite() for value in expected.values()):
            self.expected = expected
        return expected

    def _smoothed(self, layer: Layer, now: Tensor) -> Tensor:
        past = self.expected.get(layer, now)
        return SMOOTHING * past + (1 - SMOOTHING) * now
