from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from sklearn.metrics import roc_curve

from espnet2_ext.metrics.result import Difference
from espnet2_ext.metrics.statistic import (
    EER,
    EER_RESAMPLES,
    MEAN,
    RATIO,
    RESAMPLES,
    SEED,
    Statistic,
    equal_error_rate,
    paired_difference,
)


def mean_difference(a: np.ndarray, b: np.ndarray) -> Difference:
    ones = np.ones(len(a))
    return paired_difference(MEAN, [np.array([a, ones])], [np.array([b, ones])])


def wer_difference(a: np.ndarray, b: np.ndarray, words: np.ndarray) -> Difference:
    return paired_difference(RATIO, [np.array([a, words])], [np.array([b, words])])


def drawn_by_scipy(statistic, *columns: np.ndarray) -> tuple[float, float]:
    """Return the interval of ``scipy.stats.bootstrap`` on the numbers themselves."""
    found = scipy.stats.bootstrap(
        columns,
        statistic,
        paired=True,
        batch=1000,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return found.low, found.high


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


def test_interval_of_an_error_rate_is_that_of_its_sums() -> None:
    rng = np.random.default_rng(1)
    words = rng.integers(1, 20, 50).astype(float)
    a, b = (rng.integers(0, 6, 50).astype(float) for _ in range(2))
    found = wer_difference(a, b, words)
    assert found.count == 50
    assert found.value == pytest.approx(100 * (a - b).sum() / words.sum())
    expected = drawn_by_scipy(
        lambda x, w, axis: 100 * x.sum(axis) / w.sum(axis), a - b, words
    )
    # The same draws: the interval agrees, not only in distribution.
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-8)


def test_interval_of_a_mean_is_that_of_its_differences() -> None:
    rng = np.random.default_rng(2)
    a, b = (rng.standard_normal(30) for _ in range(2))
    found = mean_difference(a, b)
    expected = drawn_by_scipy(lambda x, axis: x.mean(axis), a - b)
    assert (found.low, found.high) == pytest.approx(expected, abs=1e-8)


def test_bootstrap_is_deterministic_and_paired() -> None:
    rng = np.random.default_rng(1)
    level = rng.normal(0, 10, 60)  # shared by both: cancels in pairs
    a, b = level + 1 + rng.normal(0, 0.5, 60), level
    found = mean_difference(a, b)
    assert found == mean_difference(a, b)
    assert found.value == pytest.approx(np.mean(a - b))
    assert 0.5 < found.low < found.value < found.high < 1.5


def test_bootstrap_interval_agrees_with_the_normal_one() -> None:
    d = np.random.default_rng(2).normal(0.3, 1, 400)
    found = mean_difference(d, np.zeros(400))
    half = 1.96 * d.std(ddof=1) / np.sqrt(400)
    assert found.low == pytest.approx(d.mean() - half, abs=0.02)
    assert found.high == pytest.approx(d.mean() + half, abs=0.02)


def test_interval_covers_the_truth_about_95_times_in_100() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(60):
        d = rng.normal(0.2, 1, 50)
        found = mean_difference(d, np.zeros(50))
        hits += found.low <= 0.2 <= found.high
    assert 50 <= hits < 60


def test_wer_difference_pools_errors_over_words() -> None:
    found = wer_difference(
        np.array([2.0, 0.0, 1.0]), np.array([0.0, 0.0, 0.0]), np.array([2.0, 50.0, 8.0])
    )
    assert found.value == pytest.approx(100 * 3 / 60)
    assert 0 <= found.low <= found.value <= found.high <= 100


def test_one_utterance_has_no_interval() -> None:
    assert mean_difference(np.ones(1), np.zeros(1)) == Difference(1.0, None, None, 1)


def of_values(values: np.ndarray) -> list[np.ndarray]:
    """Make items of each row of (seeds, N) values."""
    return [np.array([row, np.ones(len(row))]) for row in values]


def test_interval_covers_items_and_seeds() -> None:
    rng = np.random.default_rng(3)
    a = np.add(rng.standard_normal((3, 40)), [[0.0], [1.0], [2.0]])
    b = rng.standard_normal((1, 40))
    found = paired_difference(MEAN, of_values(a), of_values(b))
    assert found.value == pytest.approx(a.mean() - b.mean())
    drawn = [
        (a[rng.integers(3, size=3)][:, utts] - b[:, utts]).mean()
        for utts in rng.integers(40, size=(20000, 40))
    ]
    expected = np.percentile(drawn, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(expected, abs=0.04)
    items_alone = mean_difference(a.mean(axis=0), b[0])
    assert found.high - found.low > 1.5 * (items_alone.high - items_alone.low)


def test_seed_n_of_one_system_is_drawn_with_seed_n_of_the_other() -> None:
    rng = np.random.default_rng(4)
    level = np.array([[0.0], [5.0], [10.0]])  # of a seed: cancels in pairs
    a, b = level + rng.standard_normal((2, 3, 40))
    found = paired_difference(MEAN, of_values(a + 1), of_values(b))
    assert found.high - found.low < 1.5
    other = paired_difference(MEAN, of_values(a + 1), of_values(b[:2]))
    assert other.high - other.low > 5


def test_draws_of_one_seed_are_of_the_same_items() -> None:
    rng = np.random.default_rng(5)
    values = rng.standard_normal((2, 30))
    first = paired_difference(MEAN, of_values(values[:1]), of_values(values[1:]))
    double = paired_difference(
        MEAN, of_values(2 * values[:1]), of_values(2 * values[1:])
    )
    np.testing.assert_allclose(double.draws, 2 * first.draws, atol=1e-6)
    other = paired_difference(
        MEAN, of_values(values[:1]), of_values(values[1:]), seed=9
    )
    assert abs(np.corrcoef(first.draws, other.draws)[0, 1]) < 0.05


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
