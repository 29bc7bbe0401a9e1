"""Checks of one option's value that need nothing but the value.

A check takes the text of the value. It yields what is wrong with it, in the words
``found ...; expected ...``; the option's name is put before.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from espnet2_ext.errors import UserError, brief

Check = Callable[[str], Iterable[str]]
MOST_SEED = 2**32 - 1
RATE = re.compile(r"(\d+(?:\.\d+)?)(k?)", re.IGNORECASE)
RATES = 1000, 384_000  # Hz
FACTORS = 0.1, 10.0  # of speed


def wrong(value: str, expected: str, do: str = "correct it") -> str:
    """Say what was found, what is expected, and what to do."""
    found = f"found {brief(value)}" if value else "found nothing"
    return f"{found}; expected {expected}; {do}."


def anything(value: str) -> Iterator[str]:
    """Accept every text: what it means is known to the recipe alone."""
    yield from ()


def optional(check: Check) -> Check:
    """Accept the empty text, too."""
    return lambda value: check(value) if value.strip() else ()


def needed(check: Check, what: str) -> Check:
    """Refuse the empty text with ``what`` is expected."""
    return lambda value: check(value) if value.strip() else [wrong(value, what)]


def each(check: Check) -> Check:
    """Check every word of a list."""
    return lambda value: [text for word in value.split() for text in check(word)]


def once(check: Check) -> Check:
    """Check a list's words, which may stand there once each."""

    def run(value: str) -> Iterator[str]:
        yield from each(check)(value)
        yield from _twice(value.split(), value)

    return run


def _twice(words: list[str], value: str) -> Iterator[str]:
    for word in sorted({word for word in words if words.count(word) > 1}):
        yield wrong(value, f"each once, and {word} is there twice")


def whole_number(at_least: int, at_most: float = math.inf) -> Check:
    """Make the check of a whole number."""
    most = "" if at_most == math.inf else f" and <= {at_most:.0f}"

    def run(value: str) -> Iterator[str]:
        fits = re.fullmatch(r"[0-9]{1,18}", value) is not None
        if not fits or not at_least <= int(value) <= at_most:
            yield wrong(value, f"a whole number >= {at_least}{most}")

    return run


def real_number(
    at_least: float = -math.inf, at_most: float = math.inf, above: float = -math.inf
) -> Check:
    """Make the check of a finite number."""
    bounds = ((">=", at_least), ("<=", at_most), (">", above))
    given = [f"{sign} {bound:g}" for sign, bound in bounds if math.isfinite(bound)]
    expected = " ".join(["a number", " and ".join(given)]).strip()

    def run(value: str) -> Iterator[str]:
        number = as_number(value)
        if number is None or not at_least <= number <= at_most or number <= above:
            yield wrong(value, expected)

    return run


def as_number(value: str) -> float | None:
    """Read a finite number, else give None."""
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def choice(*names: str) -> Check:
    """Make the check of one of a few words."""

    def run(value: str) -> Iterator[str]:
        if value not in names:
            yield wrong(value, f"one of {' '.join(names)}")

    return run


flag = choice("true", "false")


def name(value: str) -> Iterator[str]:
    """Check one word that becomes part of a file's name."""
    if len(value.split()) != 1 or "/" in value or value in (".", ".."):
        yield wrong(value, "one word without '/'")


def repository(value: str) -> Iterator[str]:
    """Check the name of a model on a hub."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
        yield wrong(value, "USER/NAME, the name of a model on a hub")


def table_text(value: str) -> Iterator[str]:
    """Check a path: it becomes a field of a table, and a word of a list."""
    if value != "".join(value.split()) or not value:
        yield wrong(value, "a path without spaces")


def seeds(value: str) -> Iterator[str]:
    """Check whole numbers, each of another value."""
    problems = list(each(whole_number(0, MOST_SEED))(value))
    yield from problems
    if not problems:
        yield from _twice([str(int(word)) for word in value.split()], value)


def weights(value: str) -> Iterator[str]:
    """Check the weights of observation adding."""
    for word in value.split():
        if not re.fullmatch(r"0|1|0\.[0-9]+", word):
            yield wrong(word, "numbers from 0 to 1, such as 0.1")
    yield from _twice(value.split(), value)


def factors(value: str) -> Iterator[str]:
    """Check the factors of speed perturbation."""
    low, high = FACTORS
    problems = list(each(real_number(low, high))(value))
    yield from problems
    if not problems:
        yield from _twice([f"{float(word):g}" for word in value.split()], value)


def hertz(value: str) -> int | None:
    """Read a sampling rate, ``16k`` or ``16000``; None if it is none."""
    match = RATE.fullmatch(value.strip())
    return round(float(match[1]) * (1000 if match[2] else 1)) if match else None


def rate(value: str) -> Iterator[str]:
    """Check a sampling rate."""
    found = hertz(value)
    if found is None or not RATES[0] <= found <= RATES[1]:
        yield wrong(value, f"a sampling rate of {RATES[0]} to {RATES[1]} Hz, as 16k")


def program(value: str) -> Iterator[str]:
    """Check that the first of some words is a program."""
    first = value.split()[:1]
    if not first or shutil.which(first[0]) is None:
        yield wrong(value, "a program that can be run")


def wrapper(value: str) -> Iterator[str]:
    """Check the job wrapper of a backend, as ``cmd.sh`` sets it."""
    for text in program(value):
        yield text.replace("correct it", "correct cmd_backend or cmd_dir in cmd.sh")


def readable(what: str, path: str) -> Iterator[str]:
    """Check that a file can be read."""
    try:
        with Path(path).open("rb") as file:
            file.read(1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        yield wrong(path, f"{what}, and it cannot be read ({reason})", "name another")


yaml_file = partial(readable, "a YAML file")


def training_words(value: str) -> Iterator[str]:
    """Check that further options begin as options do."""
    first = value.split()[:1]
    if first and not first[0].startswith("-"):
        yield wrong(value, "options and their values, as '--max_epoch 10'")


def start_model(value: str) -> Iterator[str]:
    """Check the form of ESPnet's init_param."""
    path, *others = value.split(":")
    if not path or len(others) > 3:
        yield wrong(value, "path[:source[:target[:exclude]]]")


def said(function: Callable[..., object], *values: object) -> Iterator[str]:
    """Yield what a function refuses."""
    try:
        function(*values)
    except UserError as error:
        yield str(error)
