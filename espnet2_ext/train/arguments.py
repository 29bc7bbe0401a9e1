"""The arguments that a YAML gives a class (``optim_conf``, ``separator_conf`` ...)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from types import NoneType, UnionType
from typing import Any

from espnet2_ext.errors import UserError, brief, looks_like_number, unknown_name

SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def check_arguments(
    where: str, cls: Any, conf: Mapping[str, Any], given: Collection[str] = ()
) -> None:
    """Compare ``conf`` with the arguments of ``cls``: names, what is needed, types.

    A type is compared only where an annotation or a default gives it, and only if it
    is a number, text, or true or false. The class itself has to check all others.

    Args:
        where: for the message, ``separator_conf of 'tcn'``.
        cls: a class or function, or the signature of one with its types evaluated.
        conf: arguments by name.
        given: names of arguments that ESPnet sets itself.

    Raises:
        UserError: if ``cls`` does not take a name, a required argument is missing, or a
            value has another type.
    """
    signature = cls if isinstance(cls, inspect.Signature) else inspect.signature(cls)
    parameters = signature.parameters
    named = {
        name: parameter
        for name, parameter in parameters.items()
        if name not in given
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in conf:
        if key not in named and not (takes_any and isinstance(key, str)):
            raise unknown_name(f"key in {where}", key, named)
    for name, parameter in named.items():
        if parameter.default is inspect.Parameter.empty and name not in conf:
            raise UserError(f"{where}: '{name}' is missing; add it ('{name}: ...').")
    hints = _hints(cls)
    for key, value in conf.items():
        if key in named:
            allowed = _allowed(hints.get(key), named[key].default)
            _check_type(f"{where}, {key}", value, allowed)


def _hints(cls: Any) -> dict[str, Any]:
    if isinstance(cls, inspect.Signature):
        return {name: p.annotation for name, p in cls.parameters.items()}
    if "__signature__" in vars(cls):
        return _hints(cls.__signature__)
    try:
        return typing.get_type_hints(cls.__init__ if inspect.isclass(cls) else cls)
    except Exception:  # an annotation that only a type checker can read
        return {}


def _allowed(hint: Any, default: object) -> set[type]:
    """Return the scalar types an argument may have; empty if they are unknown."""
    if hint is None and type(default) in SCALARS:
        # without annotation, a default of 0 may be meant as 0.0
        hint = float if type(default) is int else type(default)
    union = typing.get_origin(hint) in (typing.Union, UnionType)
    kinds = set(typing.get_args(hint)) if union else {hint}
    if not kinds & SCALARS.keys() or kinds & {Any, object}:
        return set()
    if default is None:
        kinds.add(NoneType)
    return kinds | ({int} if float in kinds else set())


def _check_type(where: str, value: object, allowed: set[type]) -> None:
    others = allowed - {*SCALARS, NoneType}  # a list or a tensor, say
    if not allowed or type(value) in allowed:
        return
    if others and type(value) not in SCALARS:
        return
    if allowed == {bool} and type(value) is int and value in (0, 1):
        return
    hint = ""
    if isinstance(value, str) and looks_like_number(value):
        hint = " (text: YAML reads 1e-3 so; write 1.0e-3, without quotes)"
    kinds = allowed - ({int} if float in allowed else set())
    texts = [text for kind, text in SCALARS.items() if kind in kinds]
    raise UserError(
        f"{where}: found {brief(value)}{hint}; expected {' or '.join(texts)}; "
        "correct it."
    )


@contextmanager
def blame(where: str) -> Iterator[None]:
    """Name the place in the configuration when ESPnet or torch raises an exception.

    Raises:
        UserError: instead of any other exception.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # assertions, KeyError ...: each class has its own way
        reason = str(error).strip().splitlines()
        text = reason[0] if reason else "refused"
        raise UserError(
            f"{where}: cannot be used ({type(error).__name__}: {text[:200]}); expected "
            "values that it accepts; correct them."
        ) from error
