"""Running statistics of clean features; the others are tested with the distances."""

import numpy as np
import pytest
import torch

from espnet2_ext.enh.loss.functional import FeatureDistance, feature_distance
from espnet2_ext.enh.loss.normalization import Running

EPS = 1e-5


@pytest.fixture
def batches(features):
    """Three (est, ref, mask) of different level."""
    est, ref, mask = features
    return [(est, scale * ref + scale, mask) for scale in (1.0, 5.0, 0.2)]


def pooled(batches):
    """Valid clean frames of all batches, (frames, D)."""
    return np.concatenate([ref[mask].double().numpy() for _, ref, mask in batches])


@pytest.mark.parametrize("seen", [1, 2, 3])
def test_statistics_are_those_of_all_clean_frames_so_far(batches, seen):
    running = Running()
    for batch in batches[:seen]:
        est, ref = running(*batch, update=True)
    frames = pooled(batches[:seen])
    last_est, last_ref, _ = batches[seen - 1]
    for got, raw in ((est, last_est), (ref, last_ref)):
        expected = (raw.numpy() - frames.mean(0)) / np.sqrt(frames.var(0) + EPS)
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_padding_does_not_count(batches):
    one, two = Running(), Running()
    est, ref, mask = batches[0]
    one(est, ref, mask, update=True)
    two(est, ref.masked_fill(~mask.unsqueeze(-1), float("nan")), mask, update=True)
    for mine, other in zip(one.moments[0], two.moments[0], strict=True):
        assert torch.equal(mine, other)


def test_evaluation_takes_the_statistics_as_they_are(batches):
    running = Running()
    running(*batches[0], update=True)
    before = running.moments[0]
    running(*batches[1])
    assert running.moments[0] is before
    est, _ = running(*batches[1])
    expected, _ = running(batches[1][0], *batches[2][1:])
    assert torch.equal(est, expected)


def test_evaluation_before_training_takes_its_own_batch_and_forgets_it(batches):
    running = Running()
    first, _ = running(*batches[0])
    assert running.moments == {}
    again, _ = Running()(*batches[0], update=True)
    assert torch.equal(first, again)


def test_each_layer_has_its_own(batches):
    compare = FeatureDistance("mse", "running")
    apart = [compare(*batches[n], layer=n, update=True) for n in (0, 1)]
    alone = [feature_distance(*batches[n], "mse", "running") for n in (0, 1)]
    for mine, expected in zip(apart, alone, strict=True):
        assert torch.equal(mine, expected)


def test_batch_without_a_valid_frame_changes_nothing(batches):
    running = Running()
    est, ref, mask = batches[0]
    running(est, ref, mask, update=True)
    before = running.moments[0]
    running(est, ref, torch.zeros_like(mask), update=True)
    for mine, other in zip(running.moments[0], before, strict=True):
        assert torch.equal(mine, other)


def test_first_batch_without_a_valid_frame_stays_finite(batches):
    running = Running()
    est, ref, mask = batches[0]
    running(est, ref, torch.zeros_like(mask), update=True)
    running(est, ref, mask, update=True)
    np.testing.assert_allclose(
        running.moments[0].mean, pooled(batches[:1]).mean(0), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("first", [True, False])
def test_batch_that_is_not_finite_teaches_nothing(batches, first):
    running, plain = Running(), Running()
    est, ref, mask = batches[0]
    if not first:
        running(*batches[1], update=True)
        plain(*batches[1], update=True)
    running(est, torch.full_like(ref, torch.inf), mask, update=True)
    for each in (running, plain):
        each(*batches[0], update=True)
    for mine, other in zip(running.moments[0], plain.moments[0], strict=True):
        assert torch.equal(mine, other)
