"""Link trained systems into a recipe's own experiments, where outputs go.

python -m espnet2_ext.bin.link_systems --expdir exp --model_file 9epoch.pth ../x/exp/a
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import run_main


def link_system(exp: Path, expdir: Path, model_file: str) -> None:
    """Link what is read of an experiment: its configuration and a model.

    Args:
        exp: an experiment anywhere; one of ``expdir`` stays as it is.
        expdir: where a directory of the same name is made.
        model_file: within ``exp``.
    """
    own = expdir / exp.resolve().name
    if own.exists() and own.samefile(exp):
        return
    own.mkdir(parents=True, exist_ok=True)
    for name in ("config.yaml", model_file):
        link = own / name
        link.unlink(missing_ok=True)
        link.symlink_to((exp / name).resolve())


def main(argv: Sequence[str] | None = None) -> None:
    """Link every system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--expdir", type=Path, required=True, help="where links go")
    parser.add_argument("--model_file", required=True, help="within each system")
    parser.add_argument("exps", nargs="*", type=Path, metavar="EXP")
    args = parser.parse_args(argv)
    for exp in args.exps:
        link_system(exp, args.expdir, args.model_file)


if __name__ == "__main__":
    run_main(main)
