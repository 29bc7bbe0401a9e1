"""How a user learns what went wrong: one message, one exit code, no traceback."""

from __future__ import annotations

import difflib
import importlib.util
import math
import numbers
import reprlib
import sys
from collections.abc import Callable, Iterable, Sequence

MANY, SHOWN_OF_MANY = 60, 5  # choices: of more than so many only the closest

SHOWN = 5  # problems of one kind shown in a message


class UserError(ValueError):
    """Something the user can mend: bad data, a wrong option, a missing file.

    The message says what was found, what was expected, and what to do next.
    """


def unknown_name(kind: str, name: object, choices: Iterable[str]) -> UserError:
    """Describe an unknown ``name`` with the list of choices and the closest match.

    Args:
        kind: what the name stands for, e.g. ``"distance"``.
        name: the name that was found.
        choices: the names that would have been accepted.
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
    """Print a value for a message: on one line, and not longer than that."""
    return _BRIEF.repr(value)


def shorten(problems: Sequence[str], separator: str = ", ") -> str:
    """Join the first ``SHOWN`` problems and say how many more there are."""
    more = len(problems) - SHOWN
    shown = separator.join(problems[:SHOWN])
    return shown + (f"{separator}... and {more} more" if more > 0 else "")


def finite_number(value: object) -> float | None:
    """Give ``value`` as a float if it is a finite number, not a bool; else None."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        number = float(value)
    except OverflowError:  # 10 ** 400
        return None
    return number if math.isfinite(number) else None


def check_installed(user: str, packages: Iterable[str]) -> None:
    """Refuse to start when a library is missing.

    Raises:
        UserError: naming ``user``, the missing packages and how to install them.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{user} needs {', '.join(missing)}, which is not installed; "
            "install it with: pip install -e '.[score]'"
        )


def run_main(main: Callable[[], object]) -> None:
    """Run a command-line entry point; a ``UserError`` ends it with exit code 2."""
    try:
        main()
    except UserError as error:
        sys.stdout.flush()
        print(f"ERROR: {error}", file=sys.stderr)
        sys.exit(2)
