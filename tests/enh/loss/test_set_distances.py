"""Distances over all frames, against scipy, numpy and sklearn."""

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment, minimize
from scipy.spatial.distance import cdist
from scipy.special import log_softmax, softmax
from scipy.stats import pearsonr
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from espnet2_ext.enh.loss import set_distances as s
from espnet2_ext.errors import UserError
from espnet2_ext.torch_utils.frames import squared_distances

LENGTHS = [7, 4, 3]


@pytest.fixture
def measured(features):
    """Compute a distance in float64; list (value, est, ref) of each utterance."""
    est, ref, mask = features
    est, ref = est.double(), ref.double()

    def measure(distance, **parameters):
        values = distance(est, ref, mask, **parameters).tolist()
        return [
            (value, est[b, :n].numpy(), ref[b, :n].numpy())
            for b, (value, n) in enumerate(zip(values, LENGTHS, strict=True))
        ]

    return measure


def whole(*frames):
    """One utterance (1, F, D) of these frames, all of them valid."""
    return torch.tensor([frames], dtype=torch.double)


def every(features):
    return torch.ones(features.shape[:2], dtype=torch.bool)


# cross_correlation


def test_cross_correlation_in_closed_form():
    ref = whole([1.0, 1.0], [2.0, 2.0], [3.0, 3.0])
    est = whole([5.0, 3.0], [7.0, 2.0], [9.0, 1.0])  # of the first 2x + 3, then 4 - x
    assert s.cross_correlation(est, ref, every(ref)).item() == pytest.approx(
        (0 + 2) / 2
    )


def test_cross_correlation_agrees_with_scipy(measured):
    for value, est, ref in measured(s.cross_correlation):
        r = [pearsonr(est[:, d], ref[:, d]).statistic for d in range(est.shape[1])]
        assert value == pytest.approx(np.mean(1 - np.array(r)), rel=1e-9)


def test_feature_that_the_reference_keeps_constant_is_left_out(features):
    est, ref, mask = features
    ref = ref.clone()
    ref[..., 2:] = 0.1
    value = s.cross_correlation(est, ref, mask)
    torch.testing.assert_close(
        value, s.cross_correlation(est[..., :2], ref[..., :2], mask)
    )


# cka


def test_cka_in_closed_form():
    ref = whole([1.0, 0.0], [-1.0, 0.0], [0.0, 0.0])
    est = whole([1.0, 1.0], [-1.0, 1.0], [0.0, -2.0])
    # X'Y has 2 alone; X'X is diag(2, 6), Y'Y diag(2, 0)
    expected = 1 - 4 / (40**0.5 * 2)
    assert s.cka(est, ref, every(ref)).item() == pytest.approx(expected)


def test_cka_agrees_with_its_definition_by_hsic(measured):
    for value, est, ref in measured(s.cka):
        n = len(est)
        centring = np.eye(n) - np.ones((n, n)) / n

        def hsic(x, y, h=centring):
            return np.trace(x @ x.T @ h @ y @ y.T @ h)

        expected = 1 - hsic(est, ref) / np.sqrt(hsic(est, est) * hsic(ref, ref))
        assert value == pytest.approx(expected, rel=1e-9)


def test_cka_is_blind_to_rotation_scale_and_offset(features):
    est, ref, mask = (x.double() if x.is_floating_point() else x for x in features)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, dtype=torch.double))
    value = s.cka(3 * est @ rotation + 7, ref, mask)
    torch.testing.assert_close(value, s.cka(est, ref, mask))


# speech_bert_score


def test_speech_bert_score_in_closed_form():
    est, ref = whole([1.0, 0.0], [1.0, 0.0]), whole([2.0, 0.0], [0.0, 3.0])
    expected = 1 - 1 / (1 + np.exp(-2))  # cosines 1 and 0, temperature 0.5
    value = s.speech_bert_score(est, ref, every(ref), temperature=0.5)
    assert value.item() == pytest.approx(expected)


def test_speech_bert_score_agrees_with_scipy(measured):
    for value, est, ref in measured(s.speech_bert_score, temperature=0.2):
        cosines = 1 - cdist(est, ref, "cosine")
        weights = softmax(cosines / 0.2, axis=1)
        assert value == pytest.approx(1 - (weights * cosines).sum(1).mean(), rel=1e-9)


def test_cold_speech_bert_score_is_the_metric(measured):
    for value, est, ref in measured(s.speech_bert_score, temperature=1e-4):
        nearest = NearestNeighbors(n_neighbors=1, metric="cosine").fit(ref)
        distances, _ = nearest.kneighbors(est)
        assert value == pytest.approx(distances.mean(), rel=1e-6)


# info_nce


def test_info_nce_in_closed_form():
    same = whole([1.0, 0.0], [0.0, 1.0])
    value = s.info_nce(same, same, every(same), temperature=0.5)
    assert value.item() == pytest.approx(np.log(1 + np.exp(-2)))
    alike = whole([1.0, 0.0], [1.0, 0.0], [1.0, 0.0])
    assert s.info_nce(alike, alike, every(alike)).item() == pytest.approx(np.log(3))


def test_info_nce_agrees_with_scipy(measured):
    for value, est, ref in measured(s.info_nce, temperature=0.2):
        logits = (1 - cdist(est, ref, "cosine")) / 0.2
        expected = -np.diag(log_softmax(logits, axis=1)).mean()
        assert value == pytest.approx(expected, rel=1e-9)


def test_single_frame_has_no_negatives():
    est, ref = torch.randn(2, 1, 5), torch.randn(2, 1, 5)
    assert s.info_nce(est, ref, every(ref)).tolist() == [0.0, 0.0]


# unit_cross_entropy


def test_unit_cross_entropy_in_closed_form():
    centroids = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    ref, est = whole([1.8, 0.0]), whole([0.0, 0.0])
    value = s.unit_cross_entropy(
        est, ref, every(ref), centroids=centroids, temperature=2.0
    )
    # m is 0 to unit 0 and 2 to unit 1, which is the reference's
    assert value.item() == pytest.approx(np.log(1 + np.exp(-1)) + 1)


def test_unit_cross_entropy_agrees_with_scipy(measured):
    centroids = torch.randn(6, 5, dtype=torch.double)
    for value, est, ref in measured(
        s.unit_cross_entropy, centroids=centroids, temperature=0.3
    ):
        nearest = NearestNeighbors(n_neighbors=1).fit(centroids.numpy())
        units = nearest.kneighbors(ref, return_distance=False)[:, 0]
        logits = -cdist(est, centroids.numpy(), "sqeuclidean") / 5 / 0.3
        logs = log_softmax(logits, axis=1)
        assert value == pytest.approx(-logs[range(len(est)), units].mean(), rel=1e-9)


def test_centroids_of_other_features_are_refused(features):
    with pytest.raises(UserError, match="found 4 dimensions, expected the 5"):
        s.unit_cross_entropy(*features, centroids=torch.randn(6, 4))


# sinkhorn


def test_sinkhorn_of_single_frames_is_their_distance():
    est, ref = whole([2.0, -1.0]), whole([1.0, 1.0])
    assert s.sinkhorn(est, ref, every(ref)).item() == pytest.approx((1 + 4) / 2)


def test_cold_sinkhorn_is_the_best_assignment(measured):
    for value, est, ref in measured(s.sinkhorn, epsilon=2e-3, iterations=20000):
        costs = cdist(est, ref, "sqeuclidean") / est.shape[1]
        expected = costs[linear_sum_assignment(costs)].mean()
        assert value == pytest.approx(expected, rel=1e-2)


def entropic_transport(x, y, epsilon):
    """Maximise the dual of entropic optimal transport by scipy: <f> + <g>."""
    costs = cdist(x, y, "sqeuclidean") / x.shape[1]

    def negative(g):
        exponent = (g[None] - costs) / epsilon
        f = -epsilon * np.log(np.exp(exponent).mean(axis=1))
        return -(f.mean() + g.mean())

    return -minimize(negative, np.zeros(len(y)), tol=1e-10).fun


def test_sinkhorn_agrees_with_scipy(measured):
    for value, x, y in measured(s.sinkhorn, epsilon=0.5, iterations=200):
        across, in_x, in_y = (
            entropic_transport(*pair, 0.5) for pair in ((x, y), (x, x), (y, y))
        )
        assert value == pytest.approx(across - (in_x + in_y) / 2, rel=1e-5)


def test_padding_next_to_far_frames_draws_no_mass():
    est, ref = torch.zeros(1, 2, 3), torch.full((1, 2, 3), 100.0)
    mask = torch.tensor([[True, False]])  # padding is as good as zeros
    assert s.sinkhorn(est, ref, mask).item() == pytest.approx(1e4)


def test_default_iterations_of_sinkhorn_leave_little(measured):
    pairs = zip(
        measured(s.sinkhorn), measured(s.sinkhorn, iterations=5000), strict=True
    )
    for (value, *_), (settled, *_) in pairs:
        assert value == pytest.approx(settled, rel=5e-3)


@pytest.mark.parametrize("distance", [s.sinkhorn, s.speech_bert_score])
def test_order_of_the_frames_does_not_count(distance, features):
    est, ref, mask = features
    swapped = est.clone()
    swapped[:, [0, 2]] = est[:, [2, 0]]
    torch.testing.assert_close(distance(swapped, ref, mask), distance(est, ref, mask))


# pairs of frames


def test_squared_distances_agree_with_scipy_far_from_the_origin():
    torch.manual_seed(0)
    x, y = torch.randn(40, 8) + 1000, torch.randn(30, 8) + 1000
    expected = cdist(x.numpy().astype(float), y.numpy().astype(float), "sqeuclidean")
    got = squared_distances(x[None], y)[0]
    torch.testing.assert_close(
        got, torch.from_numpy(expected / 8).float(), rtol=1e-4, atol=1e-5
    )
    assert F.relu(-got).max() == 0
