"""Tell what differs between a training that was begun and what is asked for now.

Reads a fingerprint (`bin.fingerprint`) from standard input and compares it with the one
in ``--begun``. Prints a line for each difference, or refuses to go on with it: nothing
if the training may go on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.train.continuing import MAY_CHANGE, changed_inputs


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, or say what may change.

    Raises:
        UserError: if the fingerprint cannot be read; with ``--refuse`` also if the
            training may not go on.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="EXP/.inputs, or a stamp")
    parser.add_argument("--may_change", action="store_true", help="list the options")
    parser.add_argument(
        "--refuse", action="store_true", help="a difference is an error"
    )
    args = parser.parse_args(argv)
    if args.may_change:
        print(" ".join(MAY_CHANGE))
        return
    if args.begun is None:
        raise UserError("found no --begun; expected the fingerprint of a training.")
    try:
        then = args.begun.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{args.begun}: cannot be read ({error}).") from error
    changed = "\n".join(changed_inputs(then, sys.stdin.read(), args.begun.parent))
    if changed and args.refuse:
        raise UserError(
            f"found a training already begun in {args.begun.parent} from other inputs "
            f"('<' then, '>' now):\n{changed}\nexpected the same inputs, because going "
            "on would mix two experiments. What may change is how long it trains and "
            f"how: {' '.join(MAY_CHANGE)}.\nChange the rest back, give this one a new "
            f"name (--enh_tag NAME), or remove {args.begun.parent}."
        )
    print(changed, end="\n" if changed else "")


if __name__ == "__main__":
    run_main(main)
