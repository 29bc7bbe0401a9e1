"""One voice: every message names the wrapper, goes to standard error, at once."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

PROGRAM = os.path.basename(sys.argv[0])


def say(message: str) -> None:
    """Print a message; a terminal that has gone away is no reason to stop."""
    try:
        print(f"{PROGRAM}: {message}", file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process


def fail(message: str, status: int = 1) -> NoReturn:
    """Print a message and stop."""
    say(message)
    sys.exit(status)
