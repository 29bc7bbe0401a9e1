"""Errors for the user: one message, one exit code, no traceback."""

from __future__ import annotations

import difflib
import importlib.util
import math
import numbers
import reprlib
import sys
from collections.abc import Callable, Iterable, Sequence

MANY, SHOWN_OF_MANY = 60, 5  # of more than MANY choices, only the closest are shown

SHOWN = 5  # problems of one kind shown in a message


class UserError(ValueError):
    """An error the user can correct: bad data, a wrong option, a missing file.

    The message says what was found, what was expected, and what to do next.
    """


def unknown_name(kind: str, name: object, choices: Iterable[str]) -> UserError:
    """Make an error for an unknown ``name``, with all choices and the closest one.

    Args:
        kind: kind of the name, e.g. ``"distance"``.
        name: the name that was found.
        choices: the accepted names.
    """
    names = sorted(choices)
    name = name if isinstance(name, str) and len(name) < 80 else brief(name)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    nearest = difflib.get_close_matches(name, names, n=SHOWN_OF_MANY, cutoff=0.5)
    if len(names) > MANY and nearest:
        shown = f"{', '.join(nearest)} (of {len(names)} names the closest)"
    else:
        shown = ", ".join(names) or "nothing"
    return UserError(f"Unknown {kind} '{name}'; expected one of: {shown}.{hint}")


_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = _BRIEF.maxlong = 60


def brief(value: object) -> str:
    """Format a value for a message, shortened to one line."""
    return _BRIEF.repr(value)


def reason_of(error: BaseException) -> str:
    """Give the first line of a foreign error's message, shortened; else its name."""
    lines = str(error).strip().splitlines() or [repr(error)]
    return lines[0][:200]


def shorten(problems: Sequence[str], separator: str = ", ") -> str:
    """Join the first ``SHOWN`` problems, and add the number of the others."""
    more = len(problems) - SHOWN
    shown = separator.join(problems[:SHOWN])
    return shown + (f"{separator}... and {more} more" if more > 0 else "")


def finite_number(value: object) -> float | None:
    """Return ``value`` as a float if it is a finite number and no bool, else None."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # 10 ** 400
        return None
    return number if math.isfinite(number) else None


SCORE_EXTRA = "pip install -e '.[score]'"


def check_installed(
    user: str, packages: Iterable[str], install: str = SCORE_EXTRA
) -> None:
    """Refuse to start if a package is not installed.

    Raises:
        UserError: naming ``user``, the missing packages and how to install them.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{user} needs {', '.join(missing)}, which is not installed; "
            f"install it with: {install}"
        )


def looks_like_number(text: str) -> bool:
    """Return whether a text is a number, such as 1e-3, which YAML reads as text."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def run_main(main: Callable[[], object]) -> None:
    """Run a command-line entry point; a ``UserError`` ends it with exit code 2."""
    try:
        main()
    except UserError as error:
        sys.stdout.flush()
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(2)
