from __future__ import annotations

import numpy as np
import pytest

from espnet2_ext.data.speed import change_speed


def test_faster_means_higher_and_shorter():
    t = np.arange(16000) / 16000
    fast = change_speed(np.sin(2 * np.pi * 500 * t).astype(np.float32), 1.25)
    assert len(fast) == 12800
    spectrum = np.abs(np.fft.rfft(fast))
    assert spectrum.argmax() * 16000 / len(fast) == pytest.approx(625, abs=2)
