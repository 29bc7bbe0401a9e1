"""Distances that look at all frames of an utterance at once.

Shapes and arguments as in ``functional``: ``(est, ref, mask)`` to (B,); b is the
utterance, i and j are valid frames, n is their number.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.batches import distance
from espnet2_ext.enh.loss.bounded import (
    RELATIVE,
    SMALL,
    bounded_cosine,
    unit_vectors,
)
from espnet2_ext.errors import UserError
from espnet2_ext.torch_utils.frames import (
    EPS,
    centred,
    masked_mean,
    squared_distances,
    zero_padding,
)


@distance
def cross_correlation(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """Mean over d of 1 - C_dd, C_dd Pearson's correlation over t; in [0, 2].

    The invariance term of Barlow Twins (Zbontar et al., 2021, arXiv 2103.03230, eq. 1
    and 2) with frames for a batch, and not squared. Blind to scale and offset of every
    feature. A feature that the reference keeps constant is left out, so one frame
    gives 0; one that only the estimate keeps constant counts as uncorrelated (1).
    """
    est, deviation = centred(est, mask), centred(ref, mask)
    power = zero_padding(ref, mask).square().sum(dim=1)
    varies = deviation.square().sum(dim=1) > EPS * power  # beyond rounding
    # a vector holds one feature at n times: its share of the norm of a whole frame
    frames = mask.sum(dim=1).clamp_min(1).to(est)
    share = (frames / est.size(-1)).sqrt()[:, None, None]
    values = 1.0 - bounded_cosine(est, deviation, dim=1, small=SMALL * share)
    return masked_mean(values, varies)


@distance
def cka(est: Tensor, ref: Tensor, mask: Tensor) -> Tensor:
    """1 - ||X'Y||_F^2 / (||X'X||_F ||Y'Y||_F), X and Y centred over t; in [0, 1].

    Linear centred kernel alignment (Kornblith et al., 2019, arXiv 1905.00414, sec. 3).
    Blind to offset, scale and rotation of the features, and not debiased: with fewer
    frames than dimensions it is small for any two inputs. A reference that is constant
    over time, or a single frame, gives 0; a constant estimate alone gives 1.
    """
    est, deviation = centred(est, mask), centred(ref, mask)
    power = zero_padding(ref, mask).square().sum(dim=(1, 2))
    varies = deviation.square().sum(dim=(1, 2)) > EPS * power
    # ||X'Y||_F^2 = <XX', YY'>: (F, F) is smaller than (D, D)
    of_est, of_ref = ((x @ x.transpose(1, 2)).flatten(1) for x in (est, deviation))
    # these are products of two features: so are their floors
    values = 1.0 - bounded_cosine(of_est, of_ref, 1, SMALL**2, RELATIVE**2)
    return torch.where(varies, values, 0.0)


def _cosines(est: Tensor, ref: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Give cos(est_i, ref_j), (B, F, F), and where j is padded, (B, 1, F)."""
    est, ref = (zero_padding(x, mask) for x in (est, ref))
    # one floor for all frames, so that their order does not count
    typical = masked_mean(ref.square().sum(dim=-1), mask).sqrt()[:, None, None]
    est, ref = unit_vectors(est, ref, ref_norm=typical)
    return est @ ref.transpose(1, 2), ~mask.unsqueeze(1)


@distance
def speech_bert_score(
    est: Tensor, ref: Tensor, mask: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """1 - mean over i of sum_j softmax_j(cos(est_i, ref_j) / temperature) cos_ij.

    1 - the precision of SpeechBERTScore (Saeki et al., 2024, arXiv 2401.16812), its
    maximum over j softened so that every frame gets a gradient; the metric itself as
    temperature goes to 0. In [0, 2], blind to the order of frames, and above 0 at
    identity unless the temperature is small. All-zero frames have the cosine 0.
    """
    cosines, padded = _cosines(est, ref, mask)
    logits = (cosines / temperature).masked_fill(padded, torch.finfo(est.dtype).min)
    return masked_mean(1.0 - (logits.softmax(dim=-1) * cosines).sum(dim=-1), mask)


@distance
def info_nce(
    est: Tensor, ref: Tensor, mask: Tensor, *, temperature: float = 0.1
) -> Tensor:
    """Mean over i of -log softmax_j(cos(est_i, ref_j) / temperature) at j = i.

    InfoNCE (van den Oord et al., 2018, arXiv 1807.03748, eq. 4) with the similarity of
    SimCLR; the negatives of a frame are the clean frames at other times of the same
    utterance. >= 0, log n where all frames are alike, 0 for a single frame, and above
    0 at identity.
    """
    cosines, padded = _cosines(est, ref, mask)
    logits = (cosines / temperature).masked_fill(padded, torch.finfo(est.dtype).min)
    own = logits.log_softmax(dim=-1).diagonal(dim1=1, dim2=2)
    return masked_mean(-own, mask)


@distance
def unit_cross_entropy(
    est: Tensor,
    ref: Tensor,
    mask: Tensor,
    *,
    centroids: Tensor,
    temperature: float = 0.1,
) -> Tensor:
    """Mean over t of -log softmax_k(-m(est_t, c_k) / temperature) at ref's unit.

    m is the mean over d of the squared difference, and the unit of a frame is its
    nearest centroid: the targets of HuBERT (Hsu et al., 2021, arXiv 2106.07447, sec.
    II) with a Gaussian of each unit in the place of its predictor. >= 0, above 0 at
    identity.

    Args:
        est, ref, mask: as everywhere.
        centroids: (K, D), k-means of clean features of the same layer, normalised as
            these are.
        temperature: how soft the choice is.

    Raises:
        UserError: if the centroids have another D.
    """
    if centroids.size(-1) != est.size(-1):
        raise UserError(
            f"centroids: found {centroids.size(-1)} dimensions, expected the "
            f"{est.size(-1)} of the features; give those of this layer and upstream."
        )
    centroids = centroids.to(est)
    units = squared_distances(zero_padding(ref, mask), centroids).argmin(dim=-1)
    logits = -squared_distances(zero_padding(est, mask), centroids) / temperature
    values = F.cross_entropy(logits.transpose(1, 2), units, reduction="none")
    return masked_mean(values, mask)


@distance
def sinkhorn(
    est: Tensor,
    ref: Tensor,
    mask: Tensor,
    *,
    epsilon: float = 0.1,
    iterations: int = 50,
) -> Tensor:
    """OT(est, ref) - OT(est, est) / 2 - OT(ref, ref) / 2, over frames as points.

    The Sinkhorn divergence (Feydy et al., 2019, arXiv 1810.08278, eq. 3) with
    OT = min_P <P, C> + epsilon KL(P | 1/n^2), uniform marginals 1/n and C_ij the mean
    over d of (est_i - ref_j)^2: at most ``mse`` as epsilon goes to 0, blind to the
    order of frames, 0 at identity, >= 0 up to what ``iterations`` leave unfinished.
    The gradient is that of the optimum (the potentials of one side held).
    """
    est, ref = zero_padding(est, mask), zero_padding(ref, mask)
    # an utterance without a frame is given one, of zeros, so that nothing is infinite
    first = torch.arange(mask.size(1), device=mask.device) == 0
    mask = mask | (first & ~mask.any(dim=1, keepdim=True))
    pairs = ((est, ref), (est, est), (ref, ref))
    costs = torch.cat([squared_distances(x, y) for x, y in pairs])
    weights = (mask.to(est) / mask.sum(dim=1, keepdim=True)).repeat(3, 1)
    values = _transport(costs, weights, epsilon, iterations)
    across, within_est, within_ref = values.chunk(3)
    return across - (within_est + within_ref) / 2


def _transport(
    costs: Tensor, weights: Tensor, epsilon: float, iterations: int
) -> Tensor:
    """Solve entropic optimal transport in the log domain: (B, F, F), (B, F) to (B,).

    Both potentials take half a step at a time, which treats them alike, so that
    OT(x, y) and OT(x, x) agree to the last digit where y = x.
    """
    logs = weights.log().masked_fill(weights == 0, -1e9)  # 0 * inf is no number

    def softmin(costs: Tensor, potential: Tensor) -> Tensor:
        shifted = logs.unsqueeze(1) + (potential.unsqueeze(1) - costs) / epsilon
        return -epsilon * shifted.logsumexp(dim=-1)

    with torch.no_grad():
        f = softmin(costs, torch.zeros_like(logs))
        g = softmin(costs.transpose(1, 2), torch.zeros_like(logs))
        for _ in range(iterations):
            f, g = (
                (f + softmin(costs, g)) / 2,
                (g + softmin(costs.transpose(1, 2), f)) / 2,
            )
    return (weights * (softmin(costs, g) + g)).sum(dim=1)
