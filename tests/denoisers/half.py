"""A denoiser that halves and delays, and counts what it is asked."""

from __future__ import annotations

import numpy as np

from espnet2_ext.denoisers.registry import Denoiser

DELAY = 11
# an installed package stands for the denoiser's
NUMPY = {"label": "Half", "package": "numpy", "module": "numpy", "install": "numpy"}


class Half:
    """What a registry entry needs; ``fail_at`` interrupts that call."""

    def __init__(self) -> None:
        self.loads: list[int] = []
        self.calls = 0
        self.fail_at = -1
        self.entry = Denoiser(**NUMPY, delay=DELAY, load=self.load)

    def load(self, num_threads: int):
        self.loads.append(num_threads)
        return lambda wav, fs: self.process(wav, fs)

    def process(self, wav: np.ndarray, fs: int) -> np.ndarray:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        return np.pad(0.5 * wav, (DELAY, 0))
