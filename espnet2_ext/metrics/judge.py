"""What all metrics share: limits before, a reason after, seeds around."""

from __future__ import annotations

import contextlib
import functools
import logging
import math
from collections.abc import Callable, Iterator

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.limits import LIMITS, NoValue, check_limits, is_silent
from espnet2_ext.metrics.worker import inside

SEED = 0


class Values(dict[str, "float | None"]):
    """Values of one metric; ``reason`` says why they are ``None``, if they are."""

    reason: str = ""


Compute = Callable[[np.ndarray, np.ndarray, int], Values]


def time_limit(samples: int, fs: int) -> float:
    """Return the seconds after which a scorer hangs; real ones take a hundredth."""
    return 600 + 30 * samples / fs


def judge(
    name: str, keys: tuple[str, ...]
) -> Callable[[Callable[..., tuple[float, ...]]], Compute]:
    """Wrap ``function(ref, est, fs) -> values of keys``: limits, silence, reasons."""

    def decorate(function: Callable[..., tuple[float, ...]]) -> Compute:
        @functools.wraps(function)
        def compute(ref: np.ndarray, est: np.ndarray, fs: int) -> Values:
            try:
                if fs < LIMITS[name].lowest_rate:
                    raise UserError(too_low(name, fs))
                check_limits(name, ref, est, fs)
                if is_silent(est):
                    return Values((key, LIMITS[name].bottom) for key in keys)
                found = function(ref, est, fs)
                if not all(map(math.isfinite, found)):
                    raise NoValue(f"gives {', '.join(map(str, found))}")
            except NoValue as reason:
                if not (reason.expected or inside()):  # the parent names it
                    logging.warning("%s: no value: %s", name, reason)
                values = Values((key, None) for key in keys)
                values.reason = str(reason)
                return values
            return Values(zip(keys, found, strict=True))

        return compute

    return decorate


def too_low(name: str, fs: int) -> str:
    """Say that audio of ``fs`` Hz is below the rate of a metric."""
    return (
        f"{name} needs audio of {LIMITS[name].lowest_rate} Hz or more, found {fs} Hz; "
        f"leave {name} out of the metrics."
    )


@contextlib.contextmanager
def fixed_seed() -> Iterator[None]:
    """Seed NumPy's global generator; afterwards it goes on where it was."""
    state = np.random.get_state()
    np.random.seed(SEED)
    try:
        yield
    finally:
        np.random.set_state(state)
