"""The mathematics of the SSL-representation loss, in plain torch.

Shapes: B batch, F frames, D features. Every distance takes ``(est, ref, mask)``,
returns one value an utterance, (B,), is zero where ``est`` equals ``ref`` and grows
as they part. The mean is over valid frames *and* the feature dimension: work that
sums over D (e.g. arXiv 2601.21084) has values D = 768...1024 times larger, so a
weight does not carry over.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.errors import unknown_name

EPS = 1e-8


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """Mark the valid frames of a padded batch.

    Args:
        lengths: valid frames of each utterance, (B,).
        num_frames: F, the padded length.

    Returns:
        Boolean mask, (B, F), True where a frame is valid.
    """
    frames = torch.arange(num_frames, device=lengths.device)
    return frames.unsqueeze(0) < lengths.unsqueeze(1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Average (B, F) values over the frames where ``mask`` (B, F) is True.

    Returns:
        (B,). An utterance without a valid frame gives 0 and no gradient.
    """
    total = torch.where(mask, values, 0.0).sum(dim=1)
    return total / mask.sum(dim=1).clamp_min(1)


def mse(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of (est - ref)^2: the distance of Sato et al. (2023)."""
    return masked_mean((est - ref).square().mean(dim=-1), mask)


def l1(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of |est - ref|."""
    return masked_mean((est - ref).abs().mean(dim=-1), mask)


def smooth_l1(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of the Huber form with beta = 1: x^2/2 if |x| < 1 else |x|-1/2."""
    values = F.smooth_l1_loss(est, ref, reduction="none", beta=1.0)
    return masked_mean(values.mean(dim=-1), mask)


def cosine(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t of 1 - cos(est_t, ref_t); in [0, 2], blind to the frame's norm.

    A frame that is all zeros in either input counts as orthogonal (1).
    """
    return masked_mean(1.0 - F.cosine_similarity(est, ref, dim=-1, eps=EPS), mask)


def relative_l2(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """||est - ref||^2 / ||ref||^2 over the valid part of an utterance.

    Both norms run over t and d together, so a loud layer weighs no more than a quiet
    one. A reference that is all zeros is given the norm 1e-8.
    """
    error = masked_mean((est - ref).square().mean(dim=-1), mask)
    power = masked_mean(ref.square().mean(dim=-1), mask)
    return error / power.clamp_min(EPS)


DISTANCES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "mse": mse,
    "l1": l1,
    "smooth_l1": smooth_l1,
    "cosine": cosine,
    "relative_l2": relative_l2,
}


def _identity(features: Tensor) -> Tensor:
    return features


def _layer_norm(features: Tensor) -> Tensor:
    return F.layer_norm(features, features.shape[-1:])


def _l2(features: Tensor) -> Tensor:
    return F.normalize(features, dim=-1, eps=EPS)


# How the D features of a frame are scaled before the distance. Without it, "all
# layers, equal weights" means in effect "the layer with the largest norm".
NORMALIZATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "none": _identity,
    "layer_norm": _layer_norm,
    "l2": _l2,
}


def feature_distance(
    est: Tensor,
    ref: Tensor,
    mask: Tensor,
    distance: str = "mse",
    normalize: str = "none",
) -> Tensor:
    """Distance between the features of the estimate and of the clean reference.

    ``dist(n(est), n(stopgrad(ref)))`` in float32, whatever the input's type.

    Args:
        est: features of the enhanced speech, (B, F, D).
        ref: features of the clean speech, (B, F, D); receives no gradient.
        mask: valid frames, (B, F), bool.
        distance: a key of ``DISTANCES``.
        normalize: a key of ``NORMALIZATIONS``.

    Returns:
        (B,), float32.

    Raises:
        UserError: on an unknown distance or normalisation.

    Example:
        >>> est, ref = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
        >>> feature_distance(est, ref, torch.ones(1, 3, dtype=torch.bool))
        tensor([1.])
    """
    if distance not in DISTANCES:
        raise unknown_name("distance", distance, DISTANCES)
    if normalize not in NORMALIZATIONS:
        raise unknown_name("normalize", normalize, NORMALIZATIONS)
    scale = NORMALIZATIONS[normalize]
    est, ref = scale(est.float()), scale(ref.detach().float())
    return DISTANCES[distance](est, ref, mask)
