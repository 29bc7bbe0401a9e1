"""Check all options of a recipe at once, and write the table of its systems.

    python -m espnet2_ext.bin.plan --template enh_ssl enh_config=conf/a.yaml seeds=0 ...

Prints a line NAME=VALUE for each variable that the shell sets, then the table.
Everything that is wrong is said in one message, and the exit code is 2. Before there is
an environment, any Python 3.10 checks what it can.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.plan.check import plan_experiment
from espnet2_ext.plan.names import names_of, with_metrics
from espnet2_ext.plan.options import TEMPLATES
from espnet2_ext.plan.stock import translate
from espnet2_ext.plan.table import format_rows


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--template", required=True, choices=TEMPLATES, help="whose options they are")
    add("--dry_run", choices=("true", "false"), default="false", help="write nothing")
    add("--output", type=Path, help="the table; default: only printed")
    add("--other", action="append", default=[], help="one that it does not list")
    add("options", nargs="*", metavar="NAME=VALUE", help="all options of the template")
    return parser


def parse_options(assignments: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE`` words.

    Raises:
        UserError: if a word is none.
    """
    for word in assignments:
        if not word.partition("=")[0].isidentifier() or "=" not in word:
            raise UserError(f"found '{word}'; expected NAME=VALUE.")
    return dict(word.split("=", 1) for word in assignments)


def write_table(path: Path, text: str) -> None:
    """Write the table under its name only when complete.

    Raises:
        UserError: if it cannot be written.
    """
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); expected a directory of "
            "your own; correct --expdir."
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what packages say of each other off the terminal."""
    before, said = logging.root.manager.disable, io.StringIO()
    logging.disable(logging.WARNING)
    out, err = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
    try:
        with warnings.catch_warnings(), out, err:
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def main(argv: Sequence[str] | None = None) -> None:
    """Check the options, print the table and write it.

    Raises:
        UserError: with all problems of the options.
    """
    args = get_parser().parse_args(argv)
    given, dry_run = parse_options(args.options), args.dry_run == "true"
    meant, problems = translate(given, parse_options(args.other))
    options = with_metrics({**given, **meant})
    with quiet():
        rows, notes = plan_experiment(args.template, options, dry_run, problems)
    for note in notes:
        print(note, file=sys.stderr)
    for name, value in {**options, **names_of(args.template, options)}.items():
        if value != given.get(name):
            print(f"{name}={value}")
    text = format_rows(rows)
    if args.output is not None and not dry_run:
        write_table(args.output, text)
    print(text, end="")


if __name__ == "__main__":
    run_main(main)
