from __future__ import annotations

import pytest

from espnet2_ext.metrics.result import Difference, ErrorCount, Mean


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
