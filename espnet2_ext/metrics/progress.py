"""How far a long scoring is, on stderr."""

from __future__ import annotations

import sys
import time

REPORT_EVERY = 10.0  # s between progress lines


class Progress:
    """A line on stderr every ``REPORT_EVERY`` seconds: done, speed, time left."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0
        self.start = self.reported = time.monotonic()

    def step(self) -> None:
        """Count one utterance as done."""
        self.done += 1
        now = time.monotonic()
        if now - self.reported < REPORT_EVERY and self.done < self.total:
            return
        self.reported = now
        each = (now - self.start) / self.done
        left = each * (self.total - self.done)
        print(
            f"scored {self.done}/{self.total} utterances, {each:.1f} s each, "
            f"{left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
