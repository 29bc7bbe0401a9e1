"""Observation adding: mix enhanced and noisy speech (Iwamoto et al., arXiv 2201.06685).

Both need the level of the recording; no gain is fitted. The least-squares gain
``<enhanced, noisy> / <enhanced, enhanced>`` would not do: it is 1 for perfect speech,
but 2 for a mask of 1/2, where it would undo the suppression. It is only measured, to
warn of systems whose output has no level (trained with SI-SNR).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2_ext.data.rewrite import read_table, rewrite_audio
from espnet2_ext.errors import UserError

GAINS = 0.5, 2.0  # of all audio together; beyond, the level is hardly the recording's


def add_observation(
    enhanced: np.ndarray, noisy: np.ndarray, weight: float
) -> np.ndarray:
    """Mix ``(1 - w) * enhanced + w * noisy``; all (T,).

    Raises:
        UserError: if the shapes differ or are not (T,).
    """
    if enhanced.ndim != 1 or enhanced.shape != noisy.shape:
        raise UserError(
            f"enhanced audio {enhanced.shape} and noisy audio {noisy.shape}; expected "
            "one channel and as many samples; enhance again (stage 7)."
        )
    return (1 - weight) * enhanced + weight * noisy


def mix_tables(
    enhanced_scp: Path,
    noisy_scp: Path,
    out_dir: Path,
    weight: float,
    key_file: str | None = None,
) -> tuple[dict[str, str], int]:
    """Mix all enhanced audio with the noisy audio of the same ids.

    Args:
        enhanced_scp, noisy_scp: ID AUDIO.
        out_dir: gets ``wavs/1/ID.wav``.
        weight: of the noisy audio, 0 to 1.
        key_file: the ids to mix; None means those of ``enhanced_scp``.

    Returns:
        id -> new file, and the number of files from an earlier run.

    Raises:
        UserError: if the weight is out of range or an id is missing; listing the audio
            that failed, after all other audio is done.
    """
    if not 0 <= weight <= 1:
        raise UserError(f"--weight: found {weight}, expected 0 to 1.")
    enhanced = read_table(enhanced_scp, key_file)
    noisy = read_table(noisy_scp, key_file or str(enhanced_scp))
    table = {utt: (source, noisy[utt]) for utt, source in enhanced.items()}
    products = np.zeros(2)  # <enhanced, noisy> and <enhanced, enhanced>, of all audio

    def run(wavs: Sequence[np.ndarray], fs: int) -> np.ndarray:
        mixed = add_observation(wavs[0], wavs[1], weight)
        products[:] += wavs[0] @ wavs[1], wavs[0] @ wavs[0]
        return mixed

    doing = (f"w = {weight:g}", "mixed")
    done, reused = rewrite_audio(table, out_dir, {"weight": weight}, run, doing)
    gain = products[0] / products[1] if products[1] > 0 else 1.0
    if not GAINS[0] <= gain <= GAINS[1]:
        logging.warning(
            "%s: found audio that fits the noisy audio best when multiplied by %.3g; "
            "expected about 1; use a system whose loss depends on the level (snr, not "
            "si_snr) and --normalize_output_wav false",
            enhanced_scp,
            gain,
        )
    return done, reused
