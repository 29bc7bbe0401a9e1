"""Soft-DTW, against a plain recursion and against all paths one by one."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from espnet2_ext.enh.loss.functional import mse
from espnet2_ext.enh.loss.soft_dtw import Recursion, skew, soft_dtw
from espnet2_ext.torch_utils.frames import frame_mask

MOVES = ((1, 1), (1, 0), (0, 1))
LENGTHS = [9, 6, 1]


def paths(n, i=0, j=0):
    """All warping paths of n x n cells from (i, j) to the last cell."""
    if (i, j) == (n - 1, n - 1):
        yield [(i, j)]
        return
    for di, dj in MOVES:
        if i + di < n and j + dj < n:
            for rest in paths(n, i + di, j + dj):
                yield [(i, j), *rest]


def by_enumeration(costs, gamma, band):
    totals = [
        sum(costs[cell] for cell in path)
        for path in paths(len(costs))
        if band is None or all(abs(i - j) <= band for i, j in path)
    ]
    return -gamma * logsumexp(-np.array(totals) / gamma)


def by_recursion(costs, gamma, band):
    n = len(costs)
    r = np.full((n + 1, n + 1), np.inf)
    r[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            if band is None or abs(i - j) <= band:
                before = np.array([r[i - di, j - dj] for di, dj in MOVES])
                r[i, j] = costs[i - 1, j - 1] - gamma * logsumexp(-before / gamma)
    return r[n, n]


def divergence(solve, x, y, gamma, band):
    across, in_x, in_y = (
        solve(cdist(*pair, "sqeuclidean") / x.shape[1], gamma, band)
        for pair in ((x, y), (x, x), (y, y))
    )
    return (across - (in_x + in_y) / 2) / len(x)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    est, ref = torch.randn(2, 3, 9, 4, dtype=torch.double)
    return est, ref, frame_mask(torch.tensor(LENGTHS), 9)


def test_two_frames_in_closed_form():
    est = torch.tensor([[[0.0], [0.0]]], dtype=torch.double)
    ref = torch.tensor([[[1.0], [1.0]]], dtype=torch.double)
    # every cell costs 1 across and 0 within: a path of 2 cells and two of 3
    across = -np.log(np.exp(-2) + 2 * np.exp(-3))
    expected = (across - -np.log(3)) / 2
    value = soft_dtw(est, ref, torch.ones(1, 2, dtype=torch.bool), gamma=1.0)
    assert value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("band", [None, 1, 2])
@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5])
def test_agrees_with_all_paths_one_by_one(frames, band):
    torch.manual_seed(frames)
    x, y = torch.randn(2, 1, frames, 3, dtype=torch.double)
    mask = torch.ones(1, frames, dtype=torch.bool)
    expected = divergence(by_enumeration, x[0].numpy(), y[0].numpy(), 0.7, band)
    value = soft_dtw(x, y, mask, gamma=0.7, band=band)
    assert value.item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("gamma", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("band", [None, 1, 2, 3, 4, 8, 50])
def test_agrees_with_the_plain_recursion(band, gamma, batch):
    est, ref, mask = batch
    values = soft_dtw(est, ref, mask, gamma=gamma, band=band)
    for b, n in enumerate(LENGTHS):
        expected = divergence(
            by_recursion, est[b, :n].numpy(), ref[b, :n].numpy(), gamma, band
        )
        assert values[b].item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("band", [None, 1, 2, 3])
def test_gradient_agrees_with_finite_differences(band, batch):
    est, ref, mask = batch
    est.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_dtw(x, ref, mask, band=band), (est,))


def test_gradient_in_float32_is_that_of_float64():
    torch.manual_seed(0)
    est, noise = torch.randn(2, 2, 150, 16, dtype=torch.double)
    ref = est + 0.5 * noise
    mask = frame_mask(torch.tensor([150, 90]), 150)
    gradients = []
    for dtype in (torch.double, torch.float):
        x = est.to(dtype).clone().requires_grad_()
        soft_dtw(x, ref.to(dtype), mask, band=20).sum().backward()
        gradients.append(x.grad.double())
    torch.testing.assert_close(
        gradients[1], gradients[0], rtol=1e-2, atol=1e-3 * gradients[0].abs().max()
    )


def test_band_of_nothing_is_mse(batch):
    torch.testing.assert_close(soft_dtw(*batch, band=0), mse(*batch))


def test_small_shift_in_time_costs_less_than_in_mse():
    torch.manual_seed(0)
    steps = torch.randn(1, 60, 8).cumsum(dim=1) * 0.3
    est, ref = steps[:, 3:], steps[:, :-3]
    mask = torch.ones(est.shape[:2], dtype=torch.bool)
    assert soft_dtw(est, ref, mask, band=5) < 0.2 * mse(est, ref, mask)
    assert soft_dtw(est, ref, mask, band=5) < soft_dtw(est, ref, mask, band=1)


def test_large_features_stay_finite(batch):
    est, ref, mask = (x.float() if x.is_floating_point() else x for x in batch)
    est = (1e4 * est).requires_grad_()
    value = soft_dtw(est, 1e4 * ref, mask, gamma=1e-3)
    value.sum().backward()
    assert torch.isfinite(value).all()
    assert torch.isfinite(est.grad).all()


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e8])
def test_cells_of_long_expensive_paths_take_part_once_at_most(scale):
    costs = scale * torch.rand(1, 120, 120, generator=torch.Generator().manual_seed(0))
    rows, inside = skew(costs, 119)
    rows.requires_grad_()
    value = Recursion.apply(rows, inside, torch.tensor([120]), 0.1)
    (shares,) = torch.autograd.grad(value.sum(), rows)
    # E is the probability that a path goes through the cell
    assert shares.min() >= 0
    assert shares.max() <= 1 + 1e-4
    assert 120 - 0.1 <= shares.sum() <= 239.1
