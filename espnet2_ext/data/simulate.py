"""Simulation of noisy speech: levels, SNR, noise of any length, babble, rooms.

Signals are (T,) float arrays at one sampling rate. All random numbers come from the
generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from espnet2_ext.errors import UserError

PEAK = 0.9  # of full scale; a louder mixture and its parts are scaled down to it
INT16 = 32768
SILENT = 1e-5  # rms below -100 dBFS


@dataclass(frozen=True)
class Mixture:
    """16-bit signals of shape (T,) with ``mix == reference + noise``, exactly."""

    mix: np.ndarray
    reference: np.ndarray
    noise: np.ndarray


def rms(wav: np.ndarray) -> float:
    """Root mean square over the whole signal."""
    return float(np.sqrt(np.mean(np.square(wav, dtype=np.float64))))


def mix_at_snr(
    reference: np.ndarray,
    noise: np.ndarray,
    snr_db: float,
    level_dbfs: float,
    late: np.ndarray | None = None,
) -> Mixture:
    """Mix at a signal-to-noise ratio.

    SNR = 10 log10(sum reference^2 / sum noise^2) over the whole utterance, pauses
    included, both without DC. If a peak exceeds `PEAK`, all signals are scaled by one
    factor, which keeps the SNR.

    Args:
        reference: clean speech, (T,).
        noise: additive noise, (T,), of any level.
        snr_db: SNR in dB.
        level_dbfs: rms of the reference in dB relative to full scale.
        late: late reverberation, (T,), in the scale of ``reference``. It is added to
            the noise after the SNR is set, and is not counted in the SNR.

    Raises:
        UserError: if the reference or the noise is silent: there is no SNR.
    """
    reference, noise = reference - reference.mean(), noise - noise.mean()
    if rms(reference) < SILENT or rms(noise) < SILENT:
        raise UserError("found a silent signal; expected speech and noise to mix.")
    gain = 10 ** (level_dbfs / 20) / rms(reference)
    reference = gain * reference
    noise = noise * (rms(reference) / rms(noise) * 10 ** (-snr_db / 20))
    if late is not None:
        noise = noise + gain * late
    peak = max(np.abs(x).max() for x in (reference, noise, reference + noise))
    scale = INT16 * min(1.0, PEAK / peak)
    whole = [np.round(scale * x).astype(np.int16) for x in (reference, noise)]
    return Mixture(whole[0] + whole[1], whole[0], whole[1])


def join_with_pauses(
    clips: Sequence[np.ndarray],
    pause_seconds: tuple[float, float],
    fs: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Concatenate clips with silences of random length between them."""
    parts = [clips[0]]
    for clip in clips[1:]:
        parts.append(np.zeros(int(rng.uniform(*pause_seconds) * fs), np.float32))
        parts.append(clip)
    return np.concatenate(parts)


def excerpt(wav: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random excerpt of ``length`` samples; a shorter signal stays whole."""
    if len(wav) <= length:
        return wav
    start = int(rng.integers(len(wav) - length + 1))
    return wav[start : start + length]


def fill(
    length: int, draw: Callable[[], np.ndarray], fade: int, tries: int = 1000
) -> np.ndarray:
    """Join sounds from ``draw`` until there are ``length`` samples.

    The sounds are scaled to one rms and cross-faded over ``fade`` samples. Silent ones
    are skipped.

    Raises:
        UserError: if ``draw`` returns only silence.
    """
    signal = np.zeros(0, np.float32)
    for _ in range(tries):
        sound = draw()
        if len(sound) <= 2 * fade or rms(sound) < SILENT:
            continue
        signal = crossfade(signal, sound / np.float32(rms(sound)), fade)
        if len(signal) >= length:
            return signal[:length]
    raise UserError(f"found only silence in {tries} draws; expected noise.")


def crossfade(first: np.ndarray, second: np.ndarray, fade: int) -> np.ndarray:
    """Join two signals with an equal-power overlap of ``fade`` samples."""
    if len(first) < fade:
        return second
    angle = (np.arange(fade, dtype=np.float32) + 0.5) / fade * (np.pi / 2)
    overlap = first[len(first) - fade :] * np.cos(angle) + second[:fade] * np.sin(angle)
    body = first[: len(first) - fade]
    return np.concatenate([body, overlap.astype(np.float32), second[fade:]])


def babble(
    length: int,
    voices: Sequence[Callable[[], np.ndarray]],
    fade: int,
) -> np.ndarray:
    """Sum voices of equal level; each callable returns a random clip of one voice."""
    return np.sum([fill(length, voice, fade) for voice in voices], axis=0)


@dataclass(frozen=True)
class Room:
    """A room impulse response in two parts, with the direct sound at sample 0.

    Attributes:
        early: direct sound and reflections of the first 50 ms, (E,).
        late: the rest, (L,), with E zeros at the start.
        rt60: reverberation time in s, measured on the response.
    """

    early: np.ndarray
    late: np.ndarray
    rt60: float

    def reverberate(self, speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return early speech and late reverberation, (T,), aligned with ``speech``."""
        from scipy.signal import fftconvolve

        length = len(speech)
        parts = (fftconvolve(speech, h)[:length] for h in (self.early, self.late))
        early, late = (part.astype(np.float32) for part in parts)
        return early, late


def load_pyroomacoustics() -> ModuleType:
    """Import the room simulator; this takes seconds and is needed for --rir_prob only.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import pyroomacoustics
    except ImportError as error:
        raise UserError(
            "pyroomacoustics is not installed; it simulates rooms (--rir_prob). "
            "Install it: pip install pyroomacoustics"
        ) from error
    return pyroomacoustics


def random_room(fs: int, rng: np.random.Generator, early_seconds: float = 0.05) -> Room:
    """Draw a shoebox room with one source and one microphone (image method).

    3-8 x 3-6 x 2.5-3.5 m; 0.2-0.6 s of reverberation by Sabine's formula (0.23-0.70 s
    measured); source and microphone at least 0.5 m from the walls.

    Raises:
        UserError: if pyroomacoustics is not installed.
    """
    pra = load_pyroomacoustics()
    size = rng.uniform([3.0, 3.0, 2.5], [8.0, 6.0, 3.5])
    wanted = float(rng.uniform(0.2, 0.6))
    places = [rng.uniform(0.5, size - 0.5) for _ in range(2)]
    # Sabine: walls cannot absorb more than all, so a big room has a shortest time.
    volume, surface = np.prod(size), 2 * (size * np.roll(size, 1)).sum()
    absorption = min(0.95, 0.1611 * volume / (surface * wanted))
    room = pra.ShoeBox(size, fs=fs, materials=pra.Material(absorption), max_order=30)
    room.add_source(places[0])
    room.add_microphone(places[1])
    room.compute_rir()
    response = np.asarray(room.rir[0][0], dtype=np.float64)
    direct = np.linalg.norm(places[0] - places[1]) / room.c * fs
    # the fractional-delay filter moves everything by half its length
    start = round(direct + pra.constants.get("frac_delay_length") // 2)
    response = response[start:] / np.abs(response[max(0, start - 2) : start + 3]).max()
    split = int(early_seconds * fs)
    late = response.copy()
    late[:split] = 0.0
    rt60 = float(pra.experimental.measure_rt60(response, fs=fs))
    return Room(response[:split].astype(np.float32), late.astype(np.float32), rt60)
