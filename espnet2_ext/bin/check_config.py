"""Check training configurations before any long work; report all that is wrong.

    python -m espnet2_ext.bin.check_config --config conf/a.yaml --config conf/b.yaml

It prints nothing but problems, and ends with 2 if there are any.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from collections.abc import Sequence

from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--config", action="append", required=True, help="YAML; once for each")
    add("--init_param", action="append", default=[], help="of each --config, or ''")
    add("--enh_args", default="", help="further options of all, in one word")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Check each configuration once.

    Raises:
        UserError: with the problems of all.
    """
    args = get_parser().parse_args(argv)
    warnings.simplefilter("ignore")  # what packages say of each other
    said = io.StringIO()  # what packages print when they are imported
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        from espnet2_ext.tasks.config import check_config  # takes seconds

    starts = args.init_param or [""] * len(args.config)
    problems: list[str] = []
    for config, start in dict.fromkeys(zip(args.config, starts, strict=True)):
        words = [*args.enh_args.split(), *(["--init_param", start] if start else [])]
        try:
            check_config(config, words)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))


if __name__ == "__main__":
    run_main(main)
