"""Tell what differs between a training that was begun and what is asked for now.

Reads a fingerprint (`bin.fingerprint`) from standard input and compares it with the one
in ``--begun``. Prints a line for each difference: nothing if the training may go on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.train.continuing import MAY_CHANGE, changed_inputs


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, or say what may change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--begun", type=Path, help="EXP/.inputs, or a stamp")
    parser.add_argument("--may_change", action="store_true", help="list the options")
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
    for line in changed_inputs(then, sys.stdin.read(), args.begun.parent):
        print(line)


if __name__ == "__main__":
    run_main(main)
