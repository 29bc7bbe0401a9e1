"""A mixin for ESPnet's tasks that checks the options before the training."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from typing import Any

from torch.multiprocessing import ProcessExitedException

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import named, read_yaml
from espnet2_ext.train.options import check_options, one_line_errors

WRONG = 2  # exit code of a ``UserError``


class Checked:
    """First base class of a task; checks the options before processes are started.

    A process of a distributed training prints its ``UserError`` and exits with 2. Its
    parent then exits with 2 as well, without a traceback.
    """

    @classmethod
    def check(cls, args: argparse.Namespace) -> None:
        """Check the options together; each task overrides this."""

    @classmethod
    def main(
        cls,
        args: argparse.Namespace | None = None,
        cmd: Sequence[str] | None = None,
    ) -> None:
        """Check the YAML and the options, then run ESPnet's task."""
        task: Any = super()
        config = None
        if args is None:
            parser = cls.get_parser()  # type: ignore[attr-defined]
            words = sys.argv[1:] if cmd is None else list(cmd)
            one_line_errors(parser)
            config = _config_of(words)
            if config is not None:
                with named(config):
                    check_options(read_yaml(config), parser)
            args = parser.parse_args(words)
        if not args.print_config:
            with named(config):
                cls.check(args)
        try:
            task.main(args=args)
        except ProcessExitedException as error:
            if error.exit_code == WRONG:
                sys.exit(WRONG)
            raise

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Train in one process."""
        task: Any = super()
        try:
            task.main_worker(args)
        except UserError as error:
            if multiprocessing.parent_process() is None:
                raise
            print(f"ERROR: {error}", file=sys.stderr, flush=True)
            sys.exit(WRONG)


def _config_of(words: Sequence[str]) -> str | None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config")
    return parser.parse_known_args(list(words))[0].config
