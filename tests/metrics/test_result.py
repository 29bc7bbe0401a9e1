from __future__ import annotations

import numpy as np
import pytest

from espnet2_ext.metrics.result import (
    Difference,
    ErrorCount,
    Mean,
    mean_difference,
    wer_difference,
)


def test_missing_values_are_left_out_of_the_mean_and_counted() -> None:
    mean = sum(map(Mean.of, [1.0, None, 4.0]), Mean())
    assert (mean.value, mean.count, mean.excluded) == (2.5, 2, 1)
    assert Mean.of(None).value is None


def test_pooled_wer_is_not_the_mean_of_wers() -> None:
    short, long = ErrorCount(substitutions=1, words=1), ErrorCount(words=9)
    assert (short + long).percent == pytest.approx(10)
    assert (short.percent + long.percent) / 2 == pytest.approx(50)


def test_error_count_survives_json() -> None:
    count = ErrorCount(1, 2, 3, 4)
    assert ErrorCount.from_json(count.to_json("hello")) == count
    assert count.errors == 6


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


@pytest.mark.parametrize(
    ("low", "high", "higher_is_better", "verdict"),
    [
        (0.1, 0.5, True, "better"),
        (0.1, 0.5, False, "worse"),
        (-0.5, -0.1, True, "worse"),
        (-0.5, -0.1, False, "better"),
        (-0.1, 0.1, True, "undecided"),
        (0.0, 0.1, True, "undecided"),
        (None, None, True, "undecided"),
    ],
)
def test_verdict_follows_the_interval(
    low: float | None, high: float | None, higher_is_better: bool, verdict: str
) -> None:
    assert Difference(0.0, low, high, 9).verdict(higher_is_better) == verdict
