"""Options that go to ESPnet's programs, checked by ESPnet's own parsers."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.plan.environment import Incomplete, complete
from espnet2_ext.plan.experiment import Experiment


def deep(
    plan: Experiment, option: str, check: Callable[..., object], *values: Any
) -> Iterator[str]:
    """Yield what a check that imports ESPnet or s3prl refuses.

    Args:
        plan: of the run.
        option: whose value it is, for the message.
        check: called with ``values``.

    Where stage 0 will complete the environment, an incomplete one is no problem.
    """
    try:
        with complete():
            check(*values)
    except Incomplete as error:
        if not plan.runs(0):
            yield str(error)
    except UserError as error:
        yield f"--{option}: {error}"
    except Exception as error:  # of ESPnet, s3prl, or what they import
        yield (
            f"--{option}: cannot be checked ({type(error).__name__}: {error}); "
            "expected a value that ESPnet accepts, and a working environment; correct "
            "it, or run tools/setup.sh."
        )


def enhancement_parser() -> argparse.ArgumentParser:
    """Give the options of a training of enhancement."""
    from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask

    parser: argparse.ArgumentParser = SSLEnhancementTask.get_parser()
    return parser


def parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    """Check options by a parser of ESPnet, whose required ones are given later.

    Raises:
        UserError: if the parser refuses them, or would print something and end.
    """
    from espnet2_ext.train.options import one_line_errors

    one_line_errors(parser)
    for action in parser._actions:
        action.required = False
    try:
        return parser.parse_args(list(words))
    except SystemExit as error:
        raise UserError(
            f"found '{' '.join(words)}', which only prints; expected options of a "
            "run; leave it out."
        ) from error


def check_training(task: Any, config: str) -> None:
    """Check a YAML by the parser of one of our tasks, and the keys of its parts.

    Raises:
        UserError: on an unknown option or key, or a value of another type.
    """
    from espnet2_ext.fileio.yaml import named, read_yaml
    from espnet2_ext.train.options import check_options

    parser = task.get_parser()
    with named(config):
        content = read_yaml(config)
        check_options(content, parser)
        parser.set_defaults(**content)
        _check_parts(task, parse(parser, []))


def _check_parts(task: Any, args: argparse.Namespace) -> None:
    for choices in task.class_choices_list:
        name = getattr(args, choices.name, None)
        conf = getattr(args, f"{choices.name}_conf", None)
        if name is None or not conf:
            continue
        known = inspect.signature(choices.get_class(name)).parameters
        if any(p.kind is p.VAR_KEYWORD for p in known.values()):
            continue
        for key in conf:
            if key not in known:
                raise unknown_name(
                    f"key in {choices.name}_conf of '{name}'", key, known
                )


def asr_task() -> Any:
    """Give the task of recognisers; importing it registers our classes."""
    from espnet2_ext.tasks.asr import ASRTask

    return ASRTask


def hubert_task() -> Any:
    """Give the task of HuBERT; importing it registers our classes."""
    from espnet2_ext.tasks.hubert import HubertTask

    return HubertTask
