"""How many stretches of speech PESQ works with: its program has room for 50.

PESQ (ITU-T P.862) splits the reference at pauses of more than 200 ms into utterances,
keeps them in arrays of 50 and never looks whether they fit. From 51 on it overwrites
its own numbers: the answer is wrong without a sign, or the process dies (a minute of
natural speech may do). The Python package hides the count, so its library is asked
here, with room behind the arrays. To be called in a process that may die.
"""

from __future__ import annotations

import ctypes

import numpy as np

from espnet2_ext.fileio.audio import RATE
from espnet2_ext.metrics.limits import NoValue

ROOM = 50  # with so many the program has looked for one more already
# s; an utterance takes 50 steps of 4 ms at least, and so does the pause behind it
COULD_FILL = ROOM * 2 * 50 * 0.004
SLACK = 1 << 20  # bytes for what does not fit
WIDE_BAND = 2  # the package's input_filter of "wb"


class _Signal(ctypes.Structure):
    """What the library calls SIGNAL_INFO."""

    _fields_ = (
        ("path_name", ctypes.c_char * 512),
        ("file_name", ctypes.c_char * 128),
        ("samples", ctypes.c_long),
        ("apply_swap", ctypes.c_long),
        ("input_filter", ctypes.c_long),
        ("data", ctypes.POINTER(ctypes.c_float)),
        ("vad", ctypes.POINTER(ctypes.c_float)),
        ("log_vad", ctypes.POINTER(ctypes.c_float)),
    )


class _Errors(ctypes.Structure):
    """The first field of what it calls ERROR_INFO, and room for all others."""

    _fields_ = (("utterances", ctypes.c_long), ("rest", ctypes.c_char * SLACK))


def _signal(wav: np.ndarray) -> _Signal:
    pointer = wav.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    return _Signal(samples=len(wav), input_filter=WIDE_BAND, data=pointer)


def count_utterances(ref: np.ndarray, est: np.ndarray) -> int:
    """Count the utterances that wideband PESQ finds in (T,) samples at 16 kHz.

    Raises:
        NoValue: if the library was built without the names of its functions.
    """
    from pesq import cypesq

    library = ctypes.CDLL(cypesq.__file__)
    peak = max(np.max(np.abs(ref)), np.max(np.abs(est)))  # as the package does
    wavs = [np.ascontiguousarray(wav / peak, dtype=np.float32) for wav in (ref, est)]
    signals = [_signal(wav) for wav in wavs]
    errors, flag, message = _Errors(), ctypes.c_long(0), ctypes.c_char_p()
    status = (ctypes.byref(flag), ctypes.byref(message))
    try:
        library.select_rate(ctypes.c_long(RATE), *status)
        library.pesq_measure(*map(ctypes.byref, signals), ctypes.byref(errors), *status)
    except AttributeError as error:
        raise NoValue(
            f"more than {COULD_FILL:.0f} s, of which this build of pesq does not tell "
            f"whether it has room for them ({error})"
        ) from error
    return int(errors.utterances)


def check_room(ref: np.ndarray, est: np.ndarray) -> None:
    """Refuse audio with more utterances than the program has room for.

    Args:
        ref, est: reference and estimate, (T,) at 16 kHz.

    Raises:
        NoValue: then.
    """
    if len(ref) < COULD_FILL * RATE:
        return
    count = count_utterances(ref, est)
    if count >= ROOM:
        raise NoValue(
            f"{count} utterances between pauses in {len(ref) / RATE:.0f} s; P.862's "
            f"program has room for less than {ROOM}"
        )
