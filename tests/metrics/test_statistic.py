from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
from sklearn.metrics import roc_curve

from espnet2_ext.metrics.result import RESAMPLES, mean_difference, wer_difference
from espnet2_ext.metrics.statistic import (
    EER,
    EER_RESAMPLES,
    RATIO,
    Statistic,
    equal_error_rate,
    paired_difference,
)


def eer_by_roc(score: np.ndarray, label: np.ndarray) -> float:
    """Find the crossing on scikit-learn's curve with a root finder."""
    fpr, tpr, _ = roc_curve(label, score)
    return 100 * scipy.optimize.brentq(
        lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1, xtol=1e-13
    )


def make_trials(rng: np.random.Generator, count: int, digits: int) -> np.ndarray:
    label = rng.integers(0, 2, count)
    label[:2] = 0, 1
    return np.array([np.round(rng.standard_normal(count) + label, digits), label])


@pytest.mark.parametrize("count", [5, 40, 1000])
@pytest.mark.parametrize("digits", [12, 1])  # 1: many equal scores
def test_eer_is_that_of_the_roc_curve(count: int, digits: int) -> None:
    rng = np.random.default_rng(count)
    for _ in range(10):
        trials = make_trials(rng, count, digits)
        assert EER.value(trials) == pytest.approx(eer_by_roc(*trials), abs=1e-6)


def test_eer_of_a_resample_is_that_of_its_trials() -> None:
    rng = np.random.default_rng(0)
    trials = make_trials(rng, 200, 1)
    draws = rng.integers(0, 200, (7, 200))
    counts = np.stack([np.bincount(draw, minlength=200) for draw in draws]).astype(
        float
    )
    expected = [eer_by_roc(*trials[:, draw]) for draw in draws]
    np.testing.assert_allclose(equal_error_rate(trials)(counts), expected, atol=1e-6)


def test_eer_is_zero_half_or_all() -> None:
    label = np.array([1, 1, 0, 0])
    assert EER.value(np.array([[4, 3, 2, 1], label], float)) == 0
    assert EER.value(np.array([[1, 2, 3, 4], label], float)) == 100
    assert EER.value(np.array([[1, 1, 1, 1], label], float)) == 50


def test_eer_without_targets_does_not_exist() -> None:
    assert np.isnan(EER.value(np.array([[1.0, 2.0], [0, 0]])))


def test_error_rate_agrees_with_the_other_implementation() -> None:
    rng = np.random.default_rng(1)
    words = rng.integers(1, 20, 50).astype(float)
    a, b = (rng.integers(0, 6, 50).astype(float) for _ in range(2))
    found = paired_difference(RATIO, [np.array([a, words])], [np.array([b, words])])
    expected = wer_difference(a, b, words)
    assert found.count == 50
    assert found.value == pytest.approx(expected.value)
    # The same draws: the interval agrees, not only in distribution.
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_accuracy_agrees_with_a_mean() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.integers(0, 2, 30).astype(float) for _ in range(2))
    ones = np.ones(30)
    found = paired_difference(RATIO, [np.array([a, ones])], [np.array([b, ones])])
    expected = mean_difference(100 * a, 100 * b)
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


def test_seeds_are_averaged_in_every_draw() -> None:
    rng = np.random.default_rng(3)
    total = np.full(40, 10.0)
    seeds = [np.array([rng.integers(0, 9, 40), total], float) for _ in range(3)]
    other = np.array([rng.integers(0, 9, 40), total], float)
    found = paired_difference(RATIO, seeds, [other])
    mean = np.mean([seed[0] for seed in seeds], axis=0)
    expected = paired_difference(RATIO, [np.array([mean, total])], [other])
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high)
    )


def test_difference_of_eer_is_paired() -> None:
    rng = np.random.default_rng(4)
    trials = make_trials(rng, 300, 6)
    small = trials + [[0.01], [0]] * rng.standard_normal((2, 300))
    found = paired_difference(EER, [small], [trials])
    assert found.value == pytest.approx(eer_by_roc(*small) - eer_by_roc(*trials))
    other = make_trials(np.random.default_rng(5), 300, 6)
    wide = paired_difference(EER, [np.array([other[0], trials[1]])], [trials])
    assert found.high - found.low < 0.5 * (wide.high - wide.low)


def test_interval_of_eer_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(6)
    a = make_trials(rng, 120, 6)
    b = np.array([a[0] + rng.standard_normal(120), a[1]])
    found = paired_difference(EER, [a], [b])
    draws = rng.integers(0, 120, (400, 120))
    loop = [eer_by_roc(*a[:, d]) - eer_by_roc(*b[:, d]) for d in draws]
    low, high = np.percentile(loop, [2.5, 97.5])
    spread = np.std(loop)
    assert found.low == pytest.approx(low, abs=0.5 * spread)
    assert found.high == pytest.approx(high, abs=0.5 * spread)


def test_number_of_draws_is_that_of_the_statistic() -> None:
    drawn = []

    def prepare(items: np.ndarray):
        def value(counts: np.ndarray) -> np.ndarray:
            drawn.append(len(counts))
            return counts @ items[0]

        return value

    items = [np.arange(20.0)[None]]
    paired_difference(Statistic(prepare, 123), items, items)
    assert sum(drawn) == 2 * (123 + 1)  # both systems, and once all items
    assert EER.resamples == EER_RESAMPLES < RATIO.resamples == RESAMPLES


def test_one_item_has_no_interval() -> None:
    found = paired_difference(RATIO, [np.array([[1.0], [4]])], [np.array([[2.0], [4]])])
    assert (found.value, found.low, found.high) == (-25, None, None)


def test_draws_without_a_target_give_no_interval(
    recwarn: pytest.WarningsRecorder,
) -> None:
    trials = np.array([[3.0, 1, 2, 0], [1, 0, 0, 0]])
    found = paired_difference(EER, [trials], [-trials * [[1], [-1]]])
    assert (found.value, found.low, found.high) == (-100, None, None)
    assert found.verdict(False) == "undecided"
    assert not recwarn.list
