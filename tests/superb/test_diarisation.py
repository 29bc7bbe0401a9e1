import pytest
import torch

from espnet2_ext.superb.diarisation import (
    choose_threshold,
    predicted_turns,
    reference_turns,
    score_turns,
)
from espnet2_ext.superb.manifest import ManifestRow
from espnet2_ext.superb.statistics import DER

HOP = 160  # samples: 100 frames a second


def turn(record, speaker, start, end, duration=10.0):
    values = {
        "record_id": record,
        "utt_id": f"{record}-{speaker}-{start}",
        "speaker": speaker,
        "duration": str(duration),
        "start_sec": str(start),
        "end_sec": str(end),
    }
    return ManifestRow(2, values["utt_id"], values)


def write_activity(folder, record, *speakers, seconds=10):
    """Speakers as lists of (start, end) in s, active with probability 0.6."""
    activity = torch.full((seconds * 100, len(speakers)), 0.1)
    for column, turns in enumerate(speakers):
        for start, end in turns:
            activity[round(start * 100) : round(end * 100), column] = 0.6
    folder.mkdir(exist_ok=True)
    torch.save(activity, folder / f"{record}.pt")


@pytest.fixture
def recordings(tmp_path):
    """By hand: r1 has a false alarm, a confusion and a missed overlap; NA is right."""
    rows = [
        turn("r1", "ann", 0, 4),
        turn("r1", "bob", 3, 8),  # one second of overlap
        turn("NA", "ann", 1, 3),
        turn("NA", "bob", 5, 6),
    ]
    # column 0 is bob, 1 is ann: bob's first second is missed (overlap), one second
    # of bob (7-8) is given to ann, and ann speaks from 9 to 9.5 where nobody does
    write_activity(tmp_path, "r1", [(4, 7)], [(0, 4), (7, 8), (9, 9.5)])
    write_activity(tmp_path, "NA", [(1, 3)], [(5, 6)])
    return reference_turns(rows), tmp_path


def test_der_of_a_hand_made_case(recordings):
    turns, folder = recordings
    items = {item["id"]: item for item in score_turns(turns, folder, 0.5, 1, HOP)}
    assert items["r1"]["total"] == pytest.approx(9)  # 4 s of ann and 5 s of bob
    assert items["r1"]["error"] == pytest.approx(1 + 1 + 0.5)
    assert items["NA"]["total"] == pytest.approx(3)
    assert items["NA"]["error"] == pytest.approx(0)
    assert DER.value(list(items.values())) == pytest.approx(100 * 2.5 / 12)


def test_silence_is_all_missed(recordings):
    turns, folder = recordings
    items = score_turns(turns, folder, 0.7, 1, HOP)  # above every activity
    assert DER.value(items) == pytest.approx(100)


def test_threshold_and_filter_are_the_ones_with_the_lowest_der(recordings):
    turns, folder = recordings
    scoring = {"thresholds": [0.05, 0.5, 0.7], "median_filters": [1, 11]}
    found = choose_threshold(turns, folder, scoring, HOP)
    assert (found["threshold"], found["median_filter"]) == (0.5, 1)
    assert found["der"] == pytest.approx(100 * 2.5 / 12)


def test_median_filter_removes_a_short_burst():
    activity = torch.zeros(100, 2)
    activity[20:60, 0] = activity[70:74, 0] = 0.9
    segments = predicted_turns(activity.numpy(), 0.5, 11, HOP).get_timeline()
    assert [(s.start, s.end) for s in segments] == [(0.2, 0.6)]
    plain = predicted_turns(activity.numpy(), 0.5, 1, HOP).get_timeline()
    assert [(s.start, s.end) for s in plain] == [(0.2, 0.6), (0.7, 0.74)]
