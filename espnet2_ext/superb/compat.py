"""Make ``s3prl.problem`` import and run on the pinned stack.

It was written for torchaudio with sox, and its package imports the scorers of the
HEAR benchmark, which need sed_eval and dcase_util, and the module ``chunk``, which
Python 3.13 dropped and nothing there uses. What a user has is left alone: every piece
is put in place only where the real one is absent.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from espnet2_ext.errors import UserError
from espnet2_ext.superb.sox import apply_effects_tensor


class _Absent:
    """Stands for a class of sed_eval; the SUPERB tasks never make one."""

    def __init__(self, *args: object, **kwargs: object) -> NoReturn:
        raise UserError("the HEAR tasks of s3prl need: pip install sed_eval")


@functools.cache
def s3prl_problem() -> ModuleType:
    """Import ``s3prl.problem`` (some 15 s, once in a process).

    Raises:
        UserError: if s3prl is not installed.
    """
    try:
        complete_torchaudio()
        complete_pandas()
        with _unused_imports(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import s3prl.problem as problem
    except ImportError as error:
        raise UserError(
            f"s3prl.problem cannot be imported ({error}); run tools/setup.sh, or: "
            "pip install -e '.[superb]'"
        ) from error
    return problem


def complete_torchaudio() -> None:
    """Add ``sox_effects`` and ``info``, which torchaudio 2.9 dropped."""
    import torchaudio

    name = "torchaudio.sox_effects"
    if not hasattr(torchaudio, "sox_effects") and not _installed(name):
        module: Any = types.ModuleType(name)
        module.apply_effects_tensor = apply_effects_tensor
        sys.modules[name] = module
        setattr(torchaudio, "sox_effects", module)  # noqa: B010 (mypy knows it not)
    if not hasattr(torchaudio, "info"):
        setattr(torchaudio, "info", audio_info)  # noqa: B010


def complete_pandas() -> None:
    """Add ``Series.iteritems``, which pandas 2 dropped."""
    import pandas

    if not hasattr(pandas.Series, "iteritems"):
        setattr(pandas.Series, "iteritems", pandas.Series.items)  # noqa: B010


def audio_info(path: str | Path, **_: object) -> types.SimpleNamespace:
    """Give rate, frames and channels of a file, as ``torchaudio.info`` did."""
    from espnet2_ext.fileio import audio

    found = audio.audio_info(path)
    return types.SimpleNamespace(
        sample_rate=found.fs,
        num_frames=found.samples,
        num_channels=found.channels,
    )


def _installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name) is not None


@contextmanager
def _unused_imports() -> Iterator[None]:
    """Let what is only imported be imported; nothing stays in ``sys.modules``."""
    names = ("sed_eval", "dcase_util", "chunk")
    absent = [name for name in names if not _installed(name)]
    stubs: dict[str, Any] = {name: types.ModuleType(name) for name in absent}
    if "sed_eval" in stubs:
        stubs["sed_eval"].sound_event = types.SimpleNamespace(
            SoundEventMetrics=_Absent,
            EventBasedMetrics=_Absent,
            SegmentBasedMetrics=_Absent,
        )
    if "dcase_util" in stubs:
        containers: Any = types.ModuleType("dcase_util.containers")
        containers.MetaDataContainer = _Absent
        stubs["dcase_util.containers"] = containers
    sys.modules.update(stubs)
    try:
        yield
    finally:
        for name in stubs:
            del sys.modules[name]
