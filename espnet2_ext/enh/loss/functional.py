"""The mathematics of the SSL-representation loss, in plain torch.

Shapes: B batch, F frames, D features. Every distance takes ``(est, ref, mask)`` and
returns one value per utterance, (B,): larger for more different inputs, and zero where
``est`` equals ``ref`` unless it says otherwise. The mean is over valid frames *and* the
feature dimension. Work that sums over D (e.g. arXiv 2601.21084) has values D = 768 to
1024 times larger, so a weight does not carry over. This file has the distances that
compare frame by frame, and the registry of all.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.batches import check_features, distance
from espnet2_ext.enh.loss.bounded import bounded_cosine, bounded_ratio
from espnet2_ext.enh.loss.ctc import ctc
from espnet2_ext.enh.loss.normalization import NORMALIZATIONS, Running
from espnet2_ext.enh.loss.parameters import bind_parameters
from espnet2_ext.enh.loss.set_distances import (
    cka,
    cross_correlation,
    info_nce,
    sinkhorn,
    speech_bert_score,
    unit_cross_entropy,
)
from espnet2_ext.enh.loss.soft_dtw import soft_dtw
from espnet2_ext.errors import unknown_name
from espnet2_ext.ssl.layers import Layer
from espnet2_ext.torch_utils.frames import all_finite, masked_mean


@distance
def mse(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of (est - ref)^2: the distance of Sato et al. (2023).

    >>> est, ref = torch.tensor([[[3.0, 0.0], [9.0, 9.0]]]), torch.zeros(1, 2, 2)
    >>> mse(est, ref, torch.tensor([[True, False]]))  # the second frame is padding
    tensor([4.5000])
    """
    return masked_mean((est - ref).square().mean(dim=-1), mask)


@distance
def log_mse(est: Tensor, ref: Tensor, mask: Tensor, *, floor: float = 1e-6) -> Tensor:
    """log(1 + mse / floor): a loud layer has no larger gradient than a quiet one.

    Our own; log(mse + floor) shifted to be 0 at identity. Summed over layers its
    gradient is, far above the floor, that of Kendall et al. (2018, arXiv 1705.07115)
    with every uncertainty at its optimum, s_l = log mse_l, for each utterance;
    ``layers: {uncertainty: ...}`` has one for the whole training set.
    """
    return torch.log1p(mse(est, ref, mask) / floor)


@distance
def l1(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of |est - ref|."""
    return masked_mean((est - ref).abs().mean(dim=-1), mask)


@distance
def smooth_l1(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t, d of the Huber form with beta = 1: x^2/2 if |x| < 1 else |x|-1/2."""
    values = F.smooth_l1_loss(est, ref, reduction="none", beta=1.0)
    return masked_mean(values.mean(dim=-1), mask)


@distance
def cosine(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over t of 1 - cos(est_t, ref_t); in [0, 2], blind to the frame's norm.

    >>> est, ref = torch.tensor([[[0.0, 5.0]]]), torch.tensor([[[2.0, 0.0]]])
    >>> mask = torch.tensor([[True]])
    >>> cosine(est, ref, mask), cosine(5 * ref, ref, mask)
    (tensor([1.]), tensor([0.]))

    A frame that is all zeros in either input counts as orthogonal (1); see ``bounded``
    for the floors under its norm.
    """
    return masked_mean(1.0 - bounded_cosine(est, ref), mask)


@distance
def relative_l2(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """||est - ref||^2 / ||ref||^2 over the valid part of an utterance.

    Both norms run over t and d together, so a loud layer weighs no more than a quiet
    one. Where the reference is silent, its power counts as 30 dB below the estimate's,
    and as 1e-5 at least, so the value is at most about 1000.
    """
    error = masked_mean((est - ref).square().mean(dim=-1), mask)
    power, loudest = (masked_mean(x.square().mean(dim=-1), mask) for x in (ref, est))
    return bounded_ratio(error, power, loudest)


DISTANCES: dict[str, Callable[..., Tensor]] = {
    "mse": mse,
    "log_mse": log_mse,
    "l1": l1,
    "smooth_l1": smooth_l1,
    "cosine": cosine,
    "relative_l2": relative_l2,
    "cross_correlation": cross_correlation,
    "cka": cka,
    "soft_dtw": soft_dtw,
    "sinkhorn": sinkhorn,
    "speech_bert_score": speech_bert_score,
    "info_nce": info_nce,
    "unit_cross_entropy": unit_cross_entropy,
    "ctc": ctc,
}


MSE, NONE = "mse", "none"  # the distance and the normalisation where none is named


class FeatureDistance:
    """``dist(n(est), n(stopgrad(ref)))`` in float32, whatever the input's type.

    Args:
        distance: a key of ``DISTANCES``, or ``{name: key, parameter: value}``.
        normalize: a key of ``NORMALIZATIONS``.

    Raises:
        UserError: on an unknown distance, parameter or normalisation.
    """

    def __init__(self, distance: object = MSE, normalize: str = NONE) -> None:
        if not isinstance(normalize, str) or normalize not in NORMALIZATIONS:
            raise unknown_name("normalize", normalize, NORMALIZATIONS)
        self._measure = bind_parameters(distance, DISTANCES)
        self._normalize = NORMALIZATIONS[normalize]()

    @property
    def running(self) -> Running | None:
        """The normalisation that learns, if it is that one."""
        return self._normalize if isinstance(self._normalize, Running) else None

    def __call__(
        self,
        est: Tensor,
        ref: Tensor,
        mask: Tensor,
        layer: Layer = 0,
        update: bool = False,
    ) -> Tensor:
        """Compare the features of the estimate with those of the clean reference.

        Args:
            est: features of the enhanced speech, (B, F, D).
            ref: features of the clean speech, (B, F, D); receives no gradient.
            mask: valid frames, (B, F), bool.
            layer: where they come from, for ``normalize="running"``.
            update: whether its statistics learn from ``ref``.

        Returns:
            (B,), float32; NaN for an utterance with features that are not finite.

        Raises:
            ValueError: if shapes, types or devices do not fit.
        """
        check_features(est, ref, mask)
        with torch.autocast(est.device.type, enabled=False):
            est, ref = est.float(), ref.detach().float()
            if ref.is_inference() and not torch.is_inference_mode_enabled():
                ref = ref.clone()  # what inference mode has made cannot be saved
            finite = (all_finite(est, mask), all_finite(ref, mask))
            est, ref = self._normalize(est, ref, mask, layer, update)
            values = self._measure(est, ref, mask)
            # a distance may leave such a frame out, and hide it
            return torch.where(finite[0] & finite[1], values, torch.nan)


def feature_distance(
    est: Tensor,
    ref: Tensor,
    mask: Tensor,
    distance: object = MSE,
    normalize: str = NONE,
) -> Tensor:
    """Make a ``FeatureDistance`` and call it once.

    Example:
        >>> est, ref = torch.zeros(1, 3, 2), torch.ones(1, 3, 2)
        >>> feature_distance(est, ref, torch.ones(1, 3, dtype=torch.bool))
        tensor([1.])
    """
    return FeatureDistance(distance, normalize)(est, ref, mask)
