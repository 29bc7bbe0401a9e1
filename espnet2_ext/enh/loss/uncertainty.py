"""Weights of the layers by their uncertainty."""

from __future__ import annotations

import torch
from torch import Tensor

from espnet2_ext.enh.loss.smoothing import SmoothedMean
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.torch_utils.frames import EPS

SMOOTHING = 0.95  # decay: the last 20 steps or so count


class LayerUncertainty:
    """Kendall et al. (2018, arXiv 1705.07115): ``exp(-s_l) d_l + s_l`` of each layer.

    Each ``s_l`` is at its optimum, ``log E[d_l]``, and not learned by gradient descent
    (as Kirchdorfer et al., 2024, arXiv 2408.07985): no parameter to train or to keep,
    and, unlike weights of a softmax, none can go to the layer that is nearly zero
    anyway. ``E[d_l]`` is the mean over the batch of all processes, exponentially
    smoothed over the training steps. Evaluation takes it as it is; before any training
    step it takes its own batch's and remembers nothing. Because of ``+ s_l`` the value
    falls as the distances do; the first term alone would stay near 1.
    """

    def __init__(self) -> None:
        self.expected = SmoothedMean(SMOOTHING)  # of the layers, in their order

    def __call__(
        self, per_layer: dict[Layer, Tensor], update: bool
    ) -> dict[Layer, Tensor]:
        """Scale the distances of each layer, (B,); ``update`` what is expected."""
        found = torch.stack(list(per_layer.values()))  # (L, B)
        if update:
            self.expected.update(found)
        expected = self.expected.value
        if expected is None:
            expected = found.detach().mean(dim=1)
        expected = expected.clamp_min(EPS).unsqueeze(1)
        return dict(zip(per_layer, found / expected + expected.log(), strict=True))
