"""A training that was begun under espnet 202511 goes on under 202611."""

from __future__ import annotations

import pickle
from datetime import timedelta

import numpy as np
import pytest
import torch

from espnet2_ext.errors import UserError
from espnet2_ext.train.resumption import read_checkpoint, read_reporter
from tests.train.test_trainer import data as shared_data
from tests.train.test_trainer import train

data = shared_data  # the fixture

# What the reporter of 202511 keeps of an epoch.
NUMBERS = {
    "loss": np.float64(0.5),
    "snr": np.float32(-3),
    "count": np.int64(7),
    "ok": np.bool_(True),
    "time": timedelta(seconds=90),
}


class Stranger:
    """Of no package that a checkpoint may name."""


def test_numbers_of_numpy_and_times_are_read(tmp_path):
    torch.save({"reporter": {1: NUMBERS}}, tmp_path / "checkpoint.pth")
    found = read_checkpoint(tmp_path / "checkpoint.pth")["reporter"][1]
    assert found == NUMBERS
    assert {type(value) for value in found.values()} == {
        *(np.float64, np.float32, np.int64, np.bool_, timedelta)
    }


def test_nothing_else_is_allowed_then_or_later(tmp_path):
    torch.save({"reporter": Stranger()}, tmp_path / "checkpoint.pth")
    with pytest.raises(UserError, match="cannot be resumed from"):
        read_reporter(tmp_path / "checkpoint.pth")
    torch.save(NUMBERS, tmp_path / "numbers.pth")
    read_checkpoint(tmp_path / "numbers.pth")
    with pytest.raises(pickle.UnpicklingError, match=r"[Ww]eights.only"):
        torch.load(tmp_path / "numbers.pth", weights_only=True)


def test_training_goes_on_from_such_a_checkpoint(tmp_path, data):
    exp = train(tmp_path, data, 1)
    states = read_checkpoint(exp / "checkpoint.pth")
    for stats in states["reporter"]["stats"][1].values():
        if not isinstance(stats, dict):
            continue
        for key, value in stats.items():
            if isinstance(value, float):
                stats[key] = np.float64(value)
            if isinstance(value, dict):  # 202611's form of a time
                stats[key] = timedelta(seconds=next(iter(value.values())))
    torch.save(states, exp / "checkpoint.pth")
    assert torch.serialization.get_unsafe_globals_in_checkpoint(exp / "checkpoint.pth")
    train(tmp_path, data, 2)
    reporter = read_reporter(exp / "checkpoint.pth")
    assert sorted(reporter.stats) == [1, 2]
