import jiwer
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_curve

from espnet2_ext.errors import UserError
from espnet2_ext.superb.outcomes import Evaluated, transcribed
from espnet2_ext.superb.statistics import ACCURACY, DER, EER, ERROR_RATE, MEAN_F1
from espnet2_ext.superb.tasks import TASKS


def eer(labels, scores):
    trials = zip(labels.tolist(), scores.tolist(), strict=True)
    return EER.value([{"label": label, "score": score} for label, score in trials])


@pytest.mark.parametrize("count", [5, 28, 200, 3000])
@pytest.mark.parametrize("digits", [1, 12])  # 1: many equal scores
def test_eer_is_s3prls(count, digits):
    from s3prl.metric import compute_eer

    rng = np.random.default_rng(count)
    labels = rng.integers(0, 2, count)
    labels[:2] = 0, 1
    scores = np.round(rng.standard_normal(count) + labels, digits)
    theirs, _ = compute_eer(labels, scores)
    assert eer(labels, scores) == pytest.approx(100 * float(theirs), abs=1e-8)


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
    assert eer(labels, scores) == 0
    assert eer(labels, -scores) == 100


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


def test_pooled_f1_is_sklearns_micro_average_and_stands_beside_s3prls_metrics():
    wanted, found, items = _slot_items(0)
    metrics = MEAN_F1.metrics({"slot_type_f1": 0.5}, items)
    assert list(metrics) == ["slot_type_f1", "slot_type_f1_pooled"]
    expected = f1_score(wanted, found, average="micro")
    assert metrics["slot_type_f1_pooled"] == pytest.approx(expected)


def test_value_of_slots_is_sklearns_average_over_utterances():
    wanted, found, items = _slot_items(1)
    expected = 100 * f1_score(wanted, found, average="samples", zero_division=1)
    assert MEAN_F1.value(items) == pytest.approx(expected)


PAIRS = [("a b c d", "a x c"), ("a b", "a b"), ("k l m", ""), ("u v", "u w v z")]


def transcripts(*, with_chars):
    label, prediction = zip(*PAIRS, strict=True)
    names = [f"u{n}" for n in range(len(PAIRS))]
    batch = {"unique_name": names, "label": label, "prediction": prediction}
    return transcribed([batch], with_chars)


def test_error_rates_of_words_and_characters_are_jiwers():
    items = transcripts(with_chars=True)
    references, hypotheses = map(list, zip(*PAIRS, strict=True))
    expected = 100 * jiwer.wer(references, hypotheses)
    # an empty transcript is one empty token for s3prl: substituted, not deleted
    assert ERROR_RATE.value(items) == pytest.approx(expected)
    expected = 100 * jiwer.cer(references, hypotheses)
    assert ERROR_RATE.value([x["chars"] for x in items]) == pytest.approx(expected)


def test_lines_of_transcripts_have_their_keys_in_a_fixed_order():
    first, *_ = transcripts(with_chars=False)
    keys = ["id", "label", "prediction", "sub", "del", "ins", "words"]
    assert list(first) == keys
    assert [first[key] for key in keys[3:]] == [1, 1, 0, 4]


def test_rates_are_pooled_not_averaged():
    items = [{"error": 1.0, "total": 2.0}, {"error": 0.0, "total": 8.0}]
    assert DER.value(items) == 10
    assert ACCURACY.value([{"correct": 1}, {"correct": 0}]) == 50


def test_metrics_of_frames_are_called_so():
    assert DER.metrics({"der": 0.25}, []) == {"frame_der": 0.25}
    assert ACCURACY.metrics({"accuracy": 0.25}, []) == {"accuracy": 0.25}


def test_recordings_are_scored_only_for_their_error_rate():
    items = [{"id": "r", "error": 1.0, "total": 2.0}]
    assert DER.items(Evaluated(None, [], lambda: items)) == items
    assert ACCURACY.items(Evaluated(None, [], lambda: 1 / 0)) == []


@pytest.mark.parametrize(
    ("statistic", "items", "count"),
    [
        (ACCURACY, [{"correct": 1}, {"correct": 0}], 2),
        (ERROR_RATE, [dict.fromkeys(("sub", "del", "ins"), 1) | {"words": 7}] * 2, 14),
        (MEAN_F1, [{"tp": 1, "fp": 0, "fn": 3}], 1),
        (DER, [{"error": 1.0, "total": 2.5}] * 2, 5),
        (EER, [{"score": 0.5, "label": 1}, {"score": 0.1, "label": 0}], 2),
    ],
)
def test_a_bootstrap_sees_the_same_value_and_a_table_its_size(statistic, items, count):
    numbers = [statistic.of(item) for item in items]
    assert statistic.count(numbers) == count
    resampled = statistic.resampled.value(np.array(numbers).T)
    assert statistic.value(items) == pytest.approx(resampled)


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_nothing_has_no_value(task):
    with pytest.raises(ValueError, match=r"from 0 items|in 0 trials"):
        task.statistic.value([])


def test_items_of_another_statistic_are_refused():
    with pytest.raises(KeyError, match="words"):
        ERROR_RATE.of({"sub": 1, "del": 0, "ins": 0})
    with pytest.raises(KeyError, match="score"):
        EER.of({"correct": 1})
