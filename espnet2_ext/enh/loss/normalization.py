"""How features are scaled before the distance.

Without it, "all layers, equal weights" means in effect "the layer with the largest
norm". A normalisation takes ``(est, ref, mask)`` and gives the scaled ``(est, ref)``;
``layer`` and ``update`` concern the one that remembers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.enh.loss.bounded import unit_vectors
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.torch_utils.frames import all_finite, zero_padding

VARIANCE_FLOOR = 1e-5  # as in torch's layer_norm
CONSTANT = 1e-4  # the mean variance of a layer that does not vary: silence, one frame


class Normalization(Protocol):
    """What ``FeatureDistance`` asks of a normalisation."""

    def __call__(
        self,
        est: Tensor,
        ref: Tensor,
        mask: Tensor,
        layer: Layer = 0,
        update: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Scale (B, F, D) features of ``layer``; ``update`` what is remembered."""
        ...


class PerFrame:
    """Scale every frame by itself.

    Args:
        scale: (..., D) of the estimate and of the reference to the same two, scaled.
    """

    def __init__(self, scale: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]):
        self.scale = scale

    def __call__(
        self,
        est: Tensor,
        ref: Tensor,
        mask: Tensor,
        layer: Layer = 0,
        update: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Scale both."""
        return self.scale(est, ref)


class Moments(NamedTuple):
    """Running count (), mean (D,) and variance (D,) of the frames seen so far."""

    frames: Tensor
    mean: Tensor
    variance: Tensor

    @classmethod
    def of(cls, features: Tensor, mask: Tensor) -> Moments:
        """Measure the valid frames of (B, F, D) features."""
        frames = mask.sum()
        divisor = frames.clamp_min(1)
        mean = zero_padding(features, mask).sum(dim=(0, 1)) / divisor
        squares = zero_padding(features - mean, mask).square().sum(dim=(0, 1))
        return cls(frames, mean, squares / divisor)

    def is_finite(self) -> bool:
        """Tell whether both are; a reference that is not finite makes them so."""
        return bool((self.mean.isfinite() & self.variance.isfinite()).all())

    def scale(self) -> Tensor:
        """Compute 1 / sd of each dimension; at most 100 where none of them varies.

        A distance of squares would multiply a gradient by the square of this.
        """
        lacking = (CONSTANT - self.variance.mean()).clamp_min(0)
        return (self.variance + VARIANCE_FLOOR + lacking).rsqrt()

    def merged(self, other: Moments) -> Moments:
        """Pool with other frames (Chan, Golub & LeVeque, 1979)."""
        other = Moments(*(value.to(self.mean.device) for value in other))
        frames = self.frames + other.frames
        share = other.frames.to(self.mean) / frames.clamp_min(1)
        shift = other.mean - self.mean
        within = self.variance + share * (other.variance - self.variance)
        between = share * (1 - share) * shift.square()
        return Moments(frames, self.mean + share * shift, within + between)


class Running:
    """(x - mean) / sd of clean features, per layer and dimension.

    Mean and variance are those of all valid clean frames of the training so far, this
    step's among them, so they start as those of the first batch: the upstream is
    frozen, hence they settle. Evaluation takes them as they are; before any training
    step it takes its own batch's and remembers nothing. A batch that is not finite
    does not count. Each process of a distributed training has its own.
    """

    def __init__(self) -> None:
        self.moments: dict[Layer, Moments] = {}

    def __call__(
        self,
        est: Tensor,
        ref: Tensor,
        mask: Tensor,
        layer: Layer = 0,
        update: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Scale both by what is known of ``layer``."""
        known = self.moments.get(layer)
        if known is None or update:
            # a NaN would reach the rest of the batch, and stay for ever
            valid = mask & all_finite(ref, mask).unsqueeze(1)
            batch = Moments.of(ref.detach(), valid)
            known = batch if known is None else known.merged(batch)
        if update and known.is_finite():
            self.moments[layer] = known
        mean, scale = known.mean.to(est), known.scale()
        return (est - mean) * scale.to(est), (ref - mean) * scale.to(est)


def _identity(est: Tensor, ref: Tensor) -> tuple[Tensor, Tensor]:
    return est, ref


def _layer_norm(est: Tensor, ref: Tensor) -> tuple[Tensor, Tensor]:
    shape = est.shape[-1:]
    return F.layer_norm(est, shape), F.layer_norm(ref, shape)


NORMALIZATIONS: dict[str, Callable[[], Normalization]] = {
    "none": partial(PerFrame, _identity),
    "layer_norm": partial(PerFrame, _layer_norm),
    "l2": partial(PerFrame, unit_vectors),
    "running": Running,
}
