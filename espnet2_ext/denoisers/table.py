"""Denoise the audio of a table, utterance by utterance."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from espnet2_ext.data.rewrite import rewrite_audio
from espnet2_ext.denoisers.registry import Denoiser


def denoise_table(
    denoiser: Denoiser, table: Mapping[str, str], out_dir: Path, num_threads: int = 1
) -> tuple[dict[str, str], int]:
    """Denoise all audio of ``table`` (id -> audio) into ``out_dir/wavs/1``.

    Returns:
        id -> new file, and the number of files from an earlier run.

    Raises:
        UserError: listing the audio that failed, after all other audio is done.
    """
    settings = {
        "package": denoiser.package,
        "version": denoiser.version,
        "rate": denoiser.rate,
        "delay": denoiser.delay,
    }
    load = functools.cache(lambda: denoiser.load(num_threads))  # not if all is there

    def run(wavs: Sequence[np.ndarray], fs: int) -> np.ndarray:
        return denoiser.run(load(), wavs[0], fs)

    sources = {utt: [source] for utt, source in table.items()}
    return rewrite_audio(sources, out_dir, settings, run, (denoiser.label, "denoised"))
