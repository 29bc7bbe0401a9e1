"""Checks of arguments that come from YAML.

YAML reads 'yes', 'on' and 'true' as a bool, and a number with a typo as text. In Python
a bool is an int, and any text is true. So these checks accept no bool as a number, and
no text as a bool.
"""

from __future__ import annotations

import json
import math
import numbers
import os
from collections.abc import Mapping
from typing import Any

from espnet2_ext.errors import UserError, finite_number

RATES = 1000, 384_000  # Hz
UPSTREAM_FS = 16000  # Hz, the input rate of every upstream
MAX_KERNEL = 50_000_000  # weights of the filters between two rates, 200 MB


def number(
    name: str,
    value: object,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> float:
    """Check a finite number, and return it as a float.

    Raises:
        UserError: if it is no finite number (a bool is none), or out of range.
    """
    found = finite_number(value)
    bounds = (
        (at_least, ">=", lambda x, y: x >= y),
        (above, ">", lambda x, y: x > y),
        (at_most, "<=", lambda x, y: x <= y),
        (below, "<", lambda x, y: x < y),
    )
    given = [bound for bound in bounds if bound[0] is not None]
    if found is None or not all(holds(found, limit) for limit, _, holds in given):
        wanted = " and ".join(f"{sign} {limit:g}" for limit, sign, _ in given)
        raise UserError(
            f"{name} must be a finite number{' ' * bool(wanted)}{wanted}, "
            f"found {value!r}."
        )
    return found


def whole_number(
    name: str,
    value: object,
    at_least: int,
    at_most: int | None = None,
    what: str = "whole number",
) -> int:
    """Check a whole number (an int, and no bool), and return it as an int.

    Args:
        name, value: name and value of the argument.
        at_least, at_most: range of the value.
        what: what it counts, for the message.

    Raises:
        UserError: if it is no whole number, or out of range.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not whole or int(value) < at_least or (at_most and int(value) > at_most):  # type: ignore[call-overload]
        most = "" if at_most is None else f" and <= {at_most}"
        raise UserError(
            f"{name} must be a {what} >= {at_least}{most}, found {value!r}."
        )
    return int(value)  # type: ignore[call-overload]


def positive(name: str, value: object) -> float:
    """Check a number > 0 with which float32 can still divide."""
    number(name, value, above=0)
    return number(name, value, at_least=1e-8, at_most=1e8)


def count(name: str, value: object) -> int:
    """Check a whole number >= 1, a million at most."""
    return whole_number(name, value, at_least=1, at_most=1_000_000)


def flag(name: str, value: object) -> bool:
    """Check a bool; Python would take the text 'false' as true.

    Raises:
        UserError: if it is no bool.
    """
    if not isinstance(value, bool):
        raise UserError(f"{name} must be true or false (no quotes), found {value!r}.")
    return value


def text(name: str, value: object) -> str:
    """Check a text that is not empty.

    Raises:
        UserError: if it is something else, or empty.
    """
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{name} must be a text that is not empty, found {value!r}.")
    return value


def optional_path(name: str, value: object) -> str | None:
    """Check a path (or URL) or None, and return it as a text.

    Raises:
        UserError: if it is something else, or empty.
    """
    if value is None:
        return None
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str) or not value.strip():
        raise UserError(
            f"{name} must be a path, or be left out (null), found {value!r}."
        )
    return value


def optional_mapping(name: str, value: object) -> dict[str, Any] | None:
    """Check 'name: value' pairs of plain YAML values, or None.

    Raises:
        UserError: if it is something else, or a name is no text.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise UserError(f"{name} must be 'name: value' pairs, found {value!r}.")
    for key in value:
        if not isinstance(key, str) or not key:
            raise UserError(f"{name}: expected names that are texts, found {key!r}.")
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: expected plain values ({error}).") from error
    return dict(value)


def sampling_rate(name: str, value: object) -> int:
    """Check a sampling rate in Hz that can be resampled to 16 kHz.

    Raises:
        UserError: if it is no whole number, out of range, or its common divisor with
            16 kHz is so small that the filters would not fit (44101 Hz: 3 GB).
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    rate = int(value) if whole else 0  # type: ignore[call-overload]
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(
            f"{name} must be a sampling rate in Hz, {RATES[0]} to {RATES[1]} (16000), "
            f"found {value!r}."
        )
    common = math.gcd(rate, UPSTREAM_FS)
    if (rate // common) * (UPSTREAM_FS // common) > MAX_KERNEL:
        raise UserError(
            f"{name}: found {rate} Hz, which has no common divisor with {UPSTREAM_FS} "
            "Hz that resampling could use; expected an ordinary rate (8000, 16000, "
            "22050, 44100, 48000)."
        )
    return rate
