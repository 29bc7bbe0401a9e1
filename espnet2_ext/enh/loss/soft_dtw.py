"""Soft dynamic time warping, batched, along anti-diagonals of a band.

Cell (i, j) pairs est_i with ref_j. Anti-diagonal k = i + j depends on k - 1 and k - 2
only, so all its cells, of all utterances, are computed at once. It is kept as a row of
W = band + 1 cells whose first one has i = start(k) = ceil((k - band) / 2), so that the
recursion takes F * band steps and values rather than F^2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from espnet2_ext.batches import distance
from espnet2_ext.torch_utils.frames import squared_distances, zero_padding

FAR = 1e30  # the value of a cell outside; finite, as inf - inf is not a number


@distance
def soft_dtw(
    est: Tensor,
    ref: Tensor,
    mask: Tensor,
    *,
    gamma: float = 0.1,
    band: int | None = None,
) -> Tensor:
    """(R(est, ref) - R(est, est) / 2 - R(ref, ref) / 2) / n, n the valid frames.

    R is soft-DTW (Cuturi & Blondel, 2017, arXiv 1703.01541, alg. 1):
    r_ij = m_ij + softmin(r_i-1,j-1, r_i-1,j, r_i,j-1), softmin the -gamma log of the
    sum of exp(-r / gamma), m_ij the mean over d of (est_i - ref_j)^2. Subtracting the
    halves makes it a divergence (Blondel et al., 2021, arXiv 2010.08354): 0 at
    identity, where R alone is negative. Blind to small shifts in time.

    Args:
        est, ref, mask: as everywhere; the valid frames come first.
        gamma: the smoothing; DTW as it goes to 0.
        band: the largest |i - j| of a path (Sakoe & Chiba, 1978); None for any. With
            0 it is ``mse``.

    Raises:
        ValueError: if an invalid frame comes before a valid one.
    """
    if bool((mask[:, 1:] & ~mask[:, :-1]).any()):
        raise ValueError(
            "mask: expected the valid frames first, found a gap before one"
        )
    frames = mask.sum(dim=1)
    # an utterance without a frame: one of zeros, whose value is 0
    ends = frames.clamp_min(1)
    longest = max(1, int(ends.max()))
    est, ref = (zero_padding(x, mask)[:, :longest] for x in (est, ref))
    pairs = ((est, ref), (est, est), (ref, ref))
    costs = torch.cat([squared_distances(x, y) for x, y in pairs])
    width = longest - 1 if band is None else min(band, longest - 1)
    skewed, inside = skew(costs, width)
    values = Recursion.apply(skewed, inside, ends.repeat(3), gamma)
    across, within_est, within_ref = values.chunk(3)
    return (across - (within_est + within_ref) / 2) / ends


def start(k: int, band: int) -> int:
    """Give i of the first cell of anti-diagonal k: ceil((k - band) / 2)."""
    return (k - band + 1) // 2


def skew(costs: Tensor, band: int) -> tuple[Tensor, Tensor]:
    """Lay the anti-diagonals of (B, F, F) costs out as rows.

    Returns:
        (B, 2 F - 1, W) costs, and where a cell is inside, (2 F - 1, W).
    """
    frames, device = costs.size(1), costs.device
    k = torch.arange(2 * frames - 1, device=device).unsqueeze(1)
    first = torch.div(k - band + 1, 2, rounding_mode="floor")
    i = first + torch.arange(band + 1, device=device)
    j = k - i
    inside = (i >= 0) & (i < frames) & (j >= 0) & (j < frames) & ((i - j).abs() <= band)
    flat = torch.where(inside, i * frames + j, 0).flatten()
    rows = costs.flatten(1).index_select(1, flat).unflatten(1, inside.shape)
    return rows, inside


def predecessors(r: Tensor, k: int, band: int) -> tuple[Tensor, Tensor, Tensor]:
    """Give the cells before those of diagonal k in each direction: views, (B, W).

    Args:
        r: (B, K + 2, W + 2); row k + 2 holds diagonal k between two outside cells.
    """
    width, step = band + 1, start(k, band) - start(k - 1, band)
    before = r[:, k + 1]
    return (
        r[:, k, 1 : width + 1],
        before[:, step : step + width],
        before[:, step + 1 : step + 1 + width],
    )


class Recursion(torch.autograd.Function):
    """The recursion of soft-DTW and its backward (Cuturi & Blondel, alg. 1 and 2).

    Autograd would keep several tensors a diagonal; this keeps the values r alone.
    """

    @staticmethod
    def forward(
        ctx: Any, costs: Tensor, inside: Tensor, ends: Tensor, gamma: float
    ) -> Tensor:
        """Compute r at the last valid cell: (B, K, W), (K, W), (B,) to (B,)."""
        batch, count, width = costs.shape
        band, origin = width - 1, (width - 1) // 2
        # row k + 2 holds diagonal k, between two cells that are outside
        r = costs.new_full((batch, count + 2, width + 2), FAR)
        r[:, 0, origin + 1] = 0.0  # cell (-1, -1), where paths come from
        for k in range(count):
            options = torch.stack(predecessors(r, k, band))
            value = costs[:, k] - gamma * torch.logsumexp(-options / gamma, dim=0)
            r[:, k + 2, 1 : width + 1] = torch.where(inside[k], value, FAR)
        ctx.save_for_backward(r, inside, ends)
        ctx.gamma = gamma
        return r[torch.arange(batch, device=r.device), 2 * ends, origin + 1]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        """Compute e = dL / dr from the last cell back; r grows by 1 with its cost."""
        r, inside, ends = ctx.saved_tensors
        batch, rows, padded = r.shape
        count, width = rows - 2, padded - 2
        band, origin = width - 1, (width - 1) // 2
        # laid out like r
        e = torch.zeros_like(r)
        e[torch.arange(batch, device=r.device), 2 * ends, origin + 1] = grad
        for k in range(count - 1, -1, -1):
            options = predecessors(r, k, band)
            # a softmax, so that a cell hands on what it has and no more; differences
            # of r, as large as the costs of a whole path, would round to anything
            shares = torch.softmax(-torch.stack(options) / ctx.gamma, dim=0)
            own = torch.where(inside[k], e[:, k + 2, 1 : width + 1], 0.0)
            for part, share in zip(predecessors(e, k, band), shares, strict=True):
                part += share * own
        return e[:, 2:, 1 : width + 1], None, None, None
