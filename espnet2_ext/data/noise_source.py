"""Noise of any length from a list of files, and its addition to unchanged speech.

Signals are (T,) arrays at one sampling rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from espnet2_ext.data import simulate
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import ARK_ENTRY, audio_info, read_audio, resample
from espnet2_ext.fileio.scp import read_scp

FADE_SECONDS = 0.02  # cross-fade between noise files
INT16 = np.iinfo(np.int16)

Files = Sequence[tuple[str, str]]  # (id, path)
Pools = Mapping[str, Files]  # by noise type


def read_pools(
    noise_scp: Path, utt2type: Path | None = None
) -> dict[str, list[tuple[str, str]]]:
    """Read the noise files by type; without ``utt2type`` all have one type.

    Raises:
        UserError: if a list cannot be read, or a noise file has no type.
    """
    files = read_scp(noise_scp)
    types = read_scp(utt2type) if utt2type else dict.fromkeys(files, "noise")
    lost = [id_ for id_ in files if id_ not in types]
    if lost:
        raise UserError(
            f"{utt2type}: no type for {len(lost)} files of {noise_scp}: "
            f"{' '.join(lost[:10])}; add a line 'ID TYPE' for each."
        )
    if not files:
        raise UserError(f"{noise_scp}: no noise; expected lines of 'ID PATH'.")
    pools: dict[str, list[tuple[str, str]]] = {}
    for id_ in sorted(files):
        pools.setdefault(types[id_], []).append((id_, files[id_]))
    return pools


def draw_noise(
    files: Files, length: int, fs: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """Return (length,) noise from random files, and the ids of these files."""
    names: dict[str, None] = {}

    def draw() -> np.ndarray:
        id_, path = files[int(rng.integers(len(files)))]
        names[id_] = None
        return _piece(path, length, fs, rng)

    return simulate.fill(length, draw, int(FADE_SECONDS * fs)), list(names)


def _piece(path: str, length: int, fs: int, rng: np.random.Generator) -> np.ndarray:
    """Read at most ``length`` samples at ``fs`` from a random place in a file.

    Of a long file, only this part is read.
    """
    if ARK_ENTRY.match(path) or not audio_info(path).known:
        wav, rate = read_audio(path)
        piece = simulate.excerpt(wav, -(-length * rate // fs), rng)
    else:
        try:
            with soundfile.SoundFile(path) as stream:
                rate = stream.samplerate
                wanted = min(stream.frames, -(-length * rate // fs))
                stream.seek(int(rng.integers(stream.frames - wanted + 1)))
                piece = stream.read(wanted, dtype="float32")
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path}: cannot read noise ({error}).") from error
    if piece.ndim == 2:
        piece = piece.mean(axis=1)
    return resample(piece, rate, fs)[:length]


def add_noise(
    clean: np.ndarray, noise: np.ndarray, snr_db: float, name: str = "clean audio"
) -> tuple[np.ndarray, np.ndarray]:
    """Add noise to 16-bit speech without changing the speech.

    SNR = 10 log10(sum speech^2 / sum noise^2) over the whole utterance, pauses
    included, both without DC, as in `simulate.mix_at_snr`. Where the sum exceeds
    the 16-bit range it is clipped, and the clipped part counts as noise.

    Args:
        clean: (T,) int16.
        noise: (T,) float of any level.
        snr_db: SNR in dB.
        name: name of the speech in the message.

    Returns:
        Mixture and noise, (T,) int16 both; mixture == clean + noise, exactly.

    Raises:
        UserError: if the speech is silent: there is no SNR.
    """
    speech = clean / np.float64(simulate.INT16)
    level = simulate.rms(speech - speech.mean())
    noise = noise - noise.mean()
    if level < simulate.SILENT or simulate.rms(noise) < simulate.SILENT:
        raise UserError(f"{name}: found silence; expected speech to mix with noise.")
    gain = level / simulate.rms(noise) * 10 ** (-snr_db / 20)
    added = np.round(simulate.INT16 * gain * noise)
    mix = np.clip(clean + added, INT16.min, INT16.max)
    rest = np.clip(mix - clean, INT16.min, INT16.max)
    return (clean + rest).astype(np.int16), rest.astype(np.int16)
