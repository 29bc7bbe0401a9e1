"""Signals are noted, and looked at where stopping is safe."""

from __future__ import annotations

import os
import signal
from types import FrameType


class Signals:
    """Ctrl-C, SIGTERM, a lost terminal, or the end of the recipe that owns us."""

    def __init__(self) -> None:
        self.caught = 0
        self.times = 0  # that a person asked: the second time means at once
        self.owner = int(os.environ.get("RUN_PL_OWNER", "0"))

    def watch(self) -> None:
        """From now on note signals; SIGHUP under nohup stays ignored."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.caught = number
        self.times += 1

    def check(self) -> int:
        """Return the signal that asks us to stop, or 0."""
        if self.owner and not self.caught:
            try:
                os.kill(self.owner, 0)
            except ProcessLookupError:
                self.caught = int(signal.SIGTERM)
            except PermissionError:
                pass
        return self.caught
