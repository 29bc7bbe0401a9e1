"""The options in the YAML of a training, checked against ESPnet's parser.

ESPnet converts only text to the type of an option. It takes any other value as it is. A
wrong value then fails hours later, or silently means something else. Here each value is
compared with the type, the choices and the range of its option.
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from espnet2.utils.nested_dict_action import NestedDictAction

from espnet2_ext.errors import UserError, brief, looks_like_number, unknown_name

MODES = ("min", "max")
# of options that are numbers: the smallest value, and whether it is allowed itself
AT_LEAST = {
    **dict.fromkeys(
        (
            *("max_epoch", "batch_size", "valid_batch_size", "batch_bins"),
            *("valid_batch_bins", "max_batch_size", "min_batch_size", "accum_grad"),
            *("num_iters_per_epoch", "log_interval", "chunk_length", "sample_rate"),
            *("num_cache_chunks", "num_spk", "category_sample_size", "speech_segment"),
            *("chunk_default_fs", "chunk_max_abs_length"),
        ),
        1,
    ),
    **dict.fromkeys(
        (
            *("num_workers", "ngpu", "num_att_plot", "keep_nbest_models", "patience"),
            *("nbest_averaging_interval", "seed", "max_cache_fd", "max_cache_size"),
            *("num_noise_type", "rir_apply_prob", "noise_apply_prob"),
        ),
        0,
    ),
}
ABOVE = {"grad_clip": 0, "grad_clip_type": 0, "chunk_shift_ratio": 0}
AT_MOST = {"seed": 2**32 - 1, "rir_apply_prob": 1, "noise_apply_prob": 1}
NEEDS = {"use_deepspeed": "deepspeed", "sharded_ddp": "fairscale", "use_wandb": "wandb"}
NOT_FOR_A_FILE = ("help", "config", "print_config")
CHUNKS = re.compile(r"\d+(-\d+)?(,\d+(-\d+)?)*")  # chunk_length: 16000,32000-48000


def one_line_errors(parser: argparse.ArgumentParser) -> None:
    """Let a parser raise a ``UserError`` instead of printing pages of usage."""

    def error(message: str) -> NoReturn:
        raise UserError(f"{message}; --help lists what there is.")

    parser.error = error  # type: ignore[method-assign]


def check_options(content: Mapping[str, Any], parser: argparse.ArgumentParser) -> None:
    """Check the content of a YAML against the options of ``parser``.

    Raises:
        UserError: if an option is unknown (naming the closest), a value has another
            type or is out of its choices or range, or a package is not installed.
    """
    actions = {action.dest: action for action in parser._actions}
    for name in NOT_FOR_A_FILE:
        actions.pop(name, None)
    for name, value in content.items():
        if name not in actions:
            raise unknown_name("option", name, actions)
        check_option(actions[name], value)


def check_option(action: argparse.Action, value: object) -> None:
    """Check the value of one option.

    Raises:
        UserError: as `check_options`.
    """
    name = action.dest
    if name == "frontend" and value is None:  # input_size says what comes in its place
        return
    if isinstance(action, NestedDictAction):
        if name == "criterions":  # a list; has a check of its own
            return
        if not isinstance(value, Mapping):
            raise _wrong(name, value, "'name: value' pairs, or {} for none")
        return
    if isinstance(action.nargs, int) or action.nargs in ("+", "*") or _appends(action):
        _check_list(action, value)
        return
    found = _convert(action, value)
    if action.choices is not None and found not in action.choices:
        raise unknown_name(name, value, [str(c) for c in action.choices if c])
    _check_number(name, found)
    if found is True and name in NEEDS and not importlib.util.find_spec(NEEDS[name]):
        raise _wrong(name, value, f"false, as {NEEDS[name]} is not installed")


def _wrong(name: str, value: object, expected: str) -> UserError:
    hint = ""
    if isinstance(value, str) and looks_like_number(value):
        hint = " (YAML reads 1e-3 as text; write 1.0e-3)"
    return UserError(
        f"{name}: found {brief(value)}{hint}; expected {expected}; correct it."
    )


def _appends(action: argparse.Action) -> bool:
    return type(action).__name__ == "_AppendAction"


def _type_name(action: argparse.Action) -> str:
    return getattr(action.type, "__name__", "str") if action.type else "str"


def _convert(action: argparse.Action, value: Any) -> Any:
    """Return the value that ESPnet will use; refuse another type."""
    kind, name = _type_name(action), action.dest
    optional = action.default is None or kind.endswith("_or_none")
    if value is None:
        if optional or (action.choices and None in action.choices):
            return None
        if action.choices is not None:
            raise unknown_name(name, value, map(str, action.choices))
        raise _wrong(name, value, _expected(kind))
    if isinstance(value, str):
        try:
            return action.type(value) if callable(action.type) else value
        except Exception as error:  # whatever a type of argparse raises
            raise _wrong(name, value, _expected(kind)) from error
    fits: tuple[type, ...] = (str,)
    if "bool" in kind:
        fits = (bool,)
        value = bool(value) if type(value) is int and value in (0, 1) else value
    elif "float" in kind or "size" in kind:
        fits = (int, float)
    elif "int" in kind:
        fits = (int,)
    if not isinstance(value, fits) or (isinstance(value, bool) and bool not in fits):
        raise _wrong(name, value, _expected(kind))
    return value


def _expected(kind: str) -> str:
    names = {"bool": "true or false", "size": "a size", "float": "a number"}
    for part, text in {**names, "int": "a whole number"}.items():
        if part in kind:
            return text
    return "text"


def _check_number(name: str, value: object) -> None:
    """Compare a number with its range."""
    if name == "chunk_length" and isinstance(value, str):
        numbers = [int(n) for n in re.findall(r"\d+", value)]
        if not CHUNKS.fullmatch(value) or min(numbers) < 1:
            raise _wrong(name, value, "samples, e.g. 32000 or '16000,32000-48000'")
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    if math.isnan(value):
        raise _wrong(name, value, "a number")
    if value < AT_LEAST.get(name, -math.inf):
        raise _wrong(name, value, f"at least {AT_LEAST[name]}")
    if value > AT_MOST.get(name, math.inf):
        raise _wrong(name, value, f"at most {AT_MOST[name]}")
    if value <= ABOVE.get(name, -math.inf):
        raise _wrong(name, value, f"more than {ABOVE[name]}")


def _check_list(action: argparse.Action, value: Any) -> None:
    """Check an option that takes several values."""
    name, kind = action.dest, _type_name(action)
    if name == "keep_nbest_models" and type(value) is int:
        value = [value]
    if not isinstance(value, (list, tuple)):
        raise _wrong(name, value, f"a list, e.g. {action.default or '[...]'}")
    if isinstance(action.nargs, int) and len(value) != action.nargs:
        raise _wrong(name, value, f"{action.nargs} words, e.g. {list(action.default)}")
    if action.nargs == "+" and not value and action.default:
        raise _wrong(name, value, "one at least")
    for item in value:
        _check_item(name, kind, item)
    if name == "best_model_criterion":
        for _, _, mode in value:
            _check_mode(name, mode)
    elif name == "early_stopping_criterion":
        _check_mode(name, value[2])


def _check_item(name: str, kind: str, item: Any) -> None:
    if "triple" in kind:
        words = item if isinstance(item, (list, tuple)) else ()
        if len(words) != 3 or not all(isinstance(word, str) for word in words):
            raise _wrong(name, item, "three words, e.g. [valid, loss, min]")
    elif kind == "int" and type(item) is not int:
        raise _wrong(name, item, "whole numbers")
    elif kind == "str" and not isinstance(item, (str, int, float)):
        raise _wrong(name, item, "text")
    _check_number(name, item)


def _check_mode(name: str, mode: object) -> None:
    if mode not in MODES:
        raise unknown_name(f"mode of {name}", mode, MODES)
