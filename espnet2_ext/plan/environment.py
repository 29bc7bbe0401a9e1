"""What of the environment is there: before stage 0, perhaps nothing."""

from __future__ import annotations

import importlib.util
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager

from espnet2_ext.errors import UserError

READERS = ("numpy", "scipy", "soundfile", "yaml")  # for names of metrics, and YAML
TRAINERS = (*READERS, "torch", "espnet2")


def has(packages: tuple[str, ...]) -> bool:
    """Tell whether packages are installed; they are not imported."""
    return all(importlib.util.find_spec(package) for package in packages)


class Incomplete(UserError):
    """A package is missing, or broken."""


@contextmanager
def _in_place_of(name: str, **content: object) -> Iterator[None]:
    """Let a module with ``content`` stand for one that is imported and not used."""
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is None:
        yield
        return
    module = types.ModuleType(name)
    vars(module).update(content, __spec__=spec)  # others ask whether it is installed
    sys.modules[name] = module
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def complete() -> Iterator[None]:
    """Say what to do where a package cannot be imported.

    ESPnet imports g2p_en and inflect, which take 3 of the 11 seconds of its import. No
    check needs phonemes, or numbers in words.

    Raises:
        Incomplete: in place of an ``ImportError`` of a package that is not ours.
    """
    try:
        with _in_place_of("g2p_en"), _in_place_of("inflect", engine=object):
            yield
    except ImportError as error:
        if (error.name or "").startswith("espnet2_ext"):
            raise
        raise Incomplete(
            f"found an incomplete environment ({error}); expected that of "
            "tools/setup.sh; run it."
        ) from error
