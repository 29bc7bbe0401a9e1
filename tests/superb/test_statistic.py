import jiwer
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_curve

from espnet2_ext.errors import UserError
from espnet2_ext.superb.outcomes import count_errors
from espnet2_ext.superb.statistic import eer, pooled_f1, ratio_of, value_of


def test_eer_is_where_misses_and_false_alarms_of_sklearns_curve_meet():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 4000)
    scores = rng.standard_normal(4000) + 1.5 * labels
    alarms, hits, _ = roc_curve(labels, scores)
    nearest = np.argmin(np.abs(alarms - (1 - hits)))
    expected = 100 * (alarms[nearest] + 1 - hits[nearest]) / 2
    assert eer(labels, scores) == pytest.approx(expected, abs=0.1)
    assert 20 < expected < 25  # two unit normals, 1.5 apart: 22.7 %


def test_eer_of_separated_scores_is_zero_and_of_swapped_ones_is_hundred():
    labels, scores = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert eer(labels, scores) == pytest.approx(0, abs=1e-6)
    assert eer(labels, -scores) == pytest.approx(100, abs=1e-6)


def test_eer_without_targets_is_refused():
    with pytest.raises(UserError, match="only label 0 in 3 trials"):
        eer(np.zeros(3, dtype=int), np.arange(3.0))


def _slot_items(seed):
    """Random slots wanted and found in 40 utterances, (40, 6) each, and the items."""
    wanted, found = np.random.default_rng(seed).integers(0, 2, (2, 40, 6))
    wanted[:3] = found[:3] = 0  # utterances without slots, rightly left empty
    items = [
        {
            "tp": int((w & f).sum()),
            "fp": int((f & ~w & 1).sum()),
            "fn": int((w & ~f & 1).sum()),
        }
        for w, f in zip(wanted, found, strict=True)
    ]
    return wanted, found, items


def test_pooled_f1_is_sklearns_micro_average():
    wanted, found, items = _slot_items(0)
    expected = 100 * f1_score(wanted, found, average="micro")
    assert pooled_f1(items) == pytest.approx(expected)


def test_value_of_slots_is_sklearns_average_over_utterances():
    wanted, found, items = _slot_items(1)
    expected = 100 * f1_score(wanted, found, average="samples", zero_division=1)
    assert value_of("f1", items) == pytest.approx(expected)


PAIRS = [("a b c d", "a x c"), ("a b", "a b"), ("k l m", ""), ("u v", "u w v z")]


def test_error_rate_is_jiwers():
    items = [count_errors(ref.split(" "), hyp.split(" ")) for ref, hyp in PAIRS]
    references, hypotheses = map(list, zip(*PAIRS, strict=True))
    expected = 100 * jiwer.wer(references, hypotheses)
    assert value_of("error_rate", items) == pytest.approx(expected)
    chars = [count_errors(ref, hyp) for ref, hyp in PAIRS]
    expected = 100 * jiwer.cer(references, hypotheses)
    assert value_of("error_rate", chars) == pytest.approx(expected)


def test_errors_are_parted_into_kinds():
    counts = count_errors("abcd", "axcef")
    assert counts == {"sub": 2, "del": 0, "ins": 1, "words": 4}
    assert count_errors("abc", "a")["del"] == 2


def test_rates_are_pooled_not_averaged():
    items = [{"error": 1.0, "total": 2.0}, {"error": 0.0, "total": 8.0}]
    assert value_of("der", items) == pytest.approx(10)
    assert value_of("accuracy", [{"correct": 1}, {"correct": 0}]) == pytest.approx(50)


def test_what_is_no_ratio_is_refused():
    with pytest.raises(ValueError, match="eer"):
        ratio_of("eer", {"score": 1.0, "label": 1})
    with pytest.raises(ValueError, match="from 0 items"):
        value_of("accuracy", [])
