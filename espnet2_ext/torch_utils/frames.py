"""Frames of a padded batch: which are valid, and what is computed over them.

Shapes: B batch, F frames, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor

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


def all_finite(features: Tensor, mask: Tensor) -> Tensor:
    """Tell of each utterance, (B,), whether its valid (B, F, D) features are finite."""
    return (features.detach().isfinite().all(dim=-1) | ~mask).all(dim=-1)


def zero_padding(features: Tensor, mask: Tensor) -> Tensor:
    """Set (B, F, D) features to 0 where ``mask`` (B, F) is False."""
    return torch.where(mask.unsqueeze(-1), features, 0.0)


def centred(features: Tensor, mask: Tensor) -> Tensor:
    """Subtract from (B, F, D) features their mean over valid frames; 0 where padded."""
    features = zero_padding(features, mask)
    count = mask.sum(dim=1).clamp_min(1)[:, None, None]
    return zero_padding(features - features.sum(dim=1, keepdim=True) / count, mask)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Mean over d of (x_i - y_j)^2, for every pair of frames.

    Args:
        x: (B, F, D).
        y: (B, G, D), or (G, D) for the same ones in every utterance.

    Returns:
        (B, F, G), >= 0.
    """
    # features with a large constant part would lose their digits in |x|^2 - 2xy + |y|^2
    origin = y.detach().mean(dim=-2, keepdim=True)
    x, y = x - origin, y - origin
    squares = x.square().sum(-1).unsqueeze(-1) + y.square().sum(-1).unsqueeze(-2)
    return (squares - 2 * x @ y.transpose(-2, -1)).clamp_min(0) / x.size(-1)
