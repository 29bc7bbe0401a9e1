"""Quotients whose gradient stays bounded where the input degenerates.

A direction ``x / ||x||`` has a gradient of ``1 / ||x||``: a silent estimate would send
1e8 times the gradient of speech through one step. Floors under the norm prevent that.
They lie 26 dB below the reference, and at ``SMALL`` where that is silent, too; above
them nothing changes. Degenerate inputs (silent, constant, identical, one frame, tiny)
then have at most 1e4 times the gradient of ordinary ones, with every distance and
normalisation: tests/enh/loss/test_bounded.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

RELATIVE = 0.05  # of the norm of the reference, -26 dB
SMALL = 0.01  # the norm of a vector of features that counts as silent
CAP = 1e3  # of a power in relation to that of a silent reference, 30 dB
SMALL_POWER = 1e-5  # the mean over features of their squares


def unit_vectors(
    est: Tensor,
    ref: Tensor,
    dim: int = -1,
    small: float | Tensor = SMALL,
    relative: float = RELATIVE,
    ref_norm: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Divide each by its norm along ``dim``, or by the floor if that is larger.

    Args:
        est, ref: of one shape.
        dim: the dimension of the vectors.
        small: the floor of both norms; a tensor that fits ``keepdim=True``.
        relative: of the reference's norm, the floor of the estimate's.
        ref_norm: the norm that this refers to; default that of the vector itself.
    """
    norms = [torch.linalg.vector_norm(x, dim=dim, keepdim=True) for x in (est, ref)]
    floor = relative * (norms[1] if ref_norm is None else ref_norm).detach()
    floor = floor.clamp_min(small)
    return est / torch.maximum(norms[0], floor), ref / norms[1].clamp_min(small)


def bounded_cosine(
    est: Tensor,
    ref: Tensor,
    dim: int = -1,
    small: float | Tensor = SMALL,
    relative: float = RELATIVE,
) -> Tensor:
    """Cosine of the angle between vectors along ``dim``; 0 where one is zero.

    Arguments as in ``unit_vectors``; a norm below its floor makes it smaller.
    """
    est, ref = unit_vectors(est, ref, dim, small, relative)
    return (est * ref).sum(dim=dim)


def bounded_ratio(error: Tensor, power: Tensor, loudest: Tensor) -> Tensor:
    """``error / power``, with a floor under the power of a silent reference.

    Args:
        error: mean squared error.
        power: of the reference; not below ``SMALL_POWER``, nor ``loudest / CAP``.
        loudest: the power of the estimate.
    """
    floor = (loudest.detach() / CAP).clamp_min(SMALL_POWER)
    return error / torch.maximum(power, floor)
