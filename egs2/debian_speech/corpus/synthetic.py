"""Noise that is computed: of many kinds, without anybody's rights in it.

Each function gives (T,) noise of any level at `FS` out of a generator. They stand for
what recordings have in common: a spectrum, how it moves, what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.signal import butter, chirp, lfilter, sosfilt

from corpus.clips import FS

Rng = np.random.Generator


def coloured(length: int, rng: Rng) -> np.ndarray:
    """Stationary noise: a slope of -12 to 3 dB an octave, and a few broad humps."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    freqs = np.fft.rfftfreq(length, 1 / FS)
    octaves = np.log2(np.maximum(freqs, 50) / 1000)
    gain = rng.uniform(-12, 3) * octaves
    for _ in range(int(rng.integers(0, 4))):
        centre, width = rng.uniform(-4, 3), rng.uniform(0.2, 1.5)
        gain += rng.uniform(-15, 15) * np.exp(-(((octaves - centre) / width) ** 2))
    return np.fft.irfft(spectrum * 10 ** (gain / 20), length)


def swelling(length: int, rng: Rng) -> np.ndarray:
    """Coloured noise that comes and goes, as wind, waves and passing cars do."""
    slow = _envelope(length, rng.uniform(0.1, 4), rng)
    return coloured(length, rng) * np.exp(rng.uniform(0.5, 2) * slow)


def machine(length: int, rng: Rng) -> np.ndarray:
    """Harmonics of a rate that drifts, and the noise that they come with."""
    drift = 1 + rng.uniform(0, 0.05) * _envelope(length, rng.uniform(0.1, 1), rng)
    phase = 2 * np.pi * np.cumsum(drift) * rng.uniform(20, 300) / FS
    decay = rng.uniform(0.5, 1.5)
    tone = np.zeros(length)
    for k in range(1, int(rng.integers(4, 24))):
        tone += rng.uniform(0, 1) * k**-decay * np.sin(k * phase + rng.uniform(0, 7))
    return _unit(tone) + rng.uniform(0.1, 1.5) * _unit(coloured(length, rng))


def hits(length: int, rng: Rng) -> np.ndarray:
    """Short resonant bursts at random times: keys, drops, dishes, steps."""
    times = np.cumsum(rng.exponential(FS / rng.uniform(1, 12), 4 * length // FS * 12))
    kinds = [_hit(rng) for _ in range(int(rng.integers(1, 6)))]
    return _place(length, times, kinds, rng)


def rhythm(length: int, rng: Rng) -> np.ndarray:
    """Bursts in a repeated pattern, some with a low thump: drums and engines."""
    beat = FS * 60 / rng.uniform(60, 180) / 4
    pattern = rng.random((3, 16)) < rng.uniform(0.15, 0.5)
    total = np.zeros(length)
    kinds = (_thump(rng), _hit(rng), _hit(rng))
    for voice, kind in zip(pattern, kinds, strict=True):
        times = np.arange(0, length / beat)[np.resize(voice, int(length / beat) + 1)]
        total += rng.uniform(0.3, 1) * _place(length, times * beat, [kind], rng)
    return total


def tones(length: int, rng: Rng) -> np.ndarray:
    """Notes of several partials that begin and end: music, bells, alarms."""
    total, start = np.zeros(length), 0
    scale = 110 * 2 ** (rng.choice(36, int(rng.integers(2, 8)), replace=False) / 12)
    seconds, decay = rng.uniform(0.1, 1.0), rng.uniform(0.5, 8)
    while start < length:
        size = min(int(FS * seconds * rng.uniform(0.5, 2)), length - start)
        time = np.arange(size) / FS
        for _ in range(int(rng.integers(1, 4))):
            pitch = rng.choice(scale) * 2 ** rng.integers(0, 3)
            for k in range(1, int(rng.integers(2, 8))):
                wave = np.sin(2 * np.pi * k * pitch * time + rng.uniform(0, 7))
                total[start : start + size] += wave * np.exp(-decay * time) / k
        start += int(size * rng.uniform(0.3, 1.2)) + 1
    return total


def sweeps(length: int, rng: Rng) -> np.ndarray:
    """Tones that glide: sirens, whistles, servos."""
    total, start = np.zeros(length), 0
    while start < length:
        size = min(int(FS * rng.uniform(0.1, 2)), length - start)
        first, last = np.exp(rng.uniform(np.log(150), np.log(6000), 2))
        time = np.arange(size) / FS
        total[start : start + size] += chirp(time, first, max(size / FS, 1e-3), last)
        start += int(size * rng.uniform(1, 1.5)) + 1
    return _unit(total) + rng.uniform(0, 0.3) * _unit(coloured(length, rng))


def crackle(length: int, rng: Rng) -> np.ndarray:
    """Sparse impulses through a random band: vinyl, rain, fire, bad contacts."""
    pulses = rng.standard_normal(length) ** 3
    pulses *= rng.random(length) < 10 ** rng.uniform(-4, -1.5)
    pulses *= np.exp(_envelope(length, rng.uniform(0.2, 5), rng))
    return _band(pulses, rng) + 0.003 * pulses.std() * rng.standard_normal(length)


def _unit(wav: np.ndarray) -> np.ndarray:
    return wav / max(float(wav.std()), 1e-9)


def _envelope(length: int, hertz: float, rng: Rng) -> np.ndarray:
    """A slow random curve of unit variance, (length,)."""
    count = max(4, int(length / FS * hertz * 2) + 2)
    points = rng.standard_normal(count)
    return np.interp(np.linspace(0, count - 1, length), np.arange(count), points)


def _band(wav: np.ndarray, rng: Rng) -> np.ndarray:
    low = np.exp(rng.uniform(np.log(60), np.log(3000)))
    high = min(low * 2 ** rng.uniform(0.5, 5), 0.49 * FS)
    return sosfilt(butter(2, [low, high], "band", fs=FS, output="sos"), wav)


def _hit(rng: Rng) -> np.ndarray:
    """A noise burst through one or several resonators, 5 to 200 ms."""
    size = int(FS * 0.5)
    burst = rng.standard_normal(size) * np.exp(
        -np.arange(size) / FS / 10 ** rng.uniform(-3, -1.7)
    )
    total = rng.uniform(0, 1) * _unit(burst)
    for _ in range(int(rng.integers(1, 5))):
        pole = np.exp(-1 / FS / 10 ** rng.uniform(-2.7, -1.2))
        angle = 2 * np.pi * np.exp(rng.uniform(np.log(150), np.log(7000))) / FS
        rung = lfilter([1], [1, -2 * pole * np.cos(angle), pole**2], burst)
        total += rng.uniform(0, 1) * _unit(rung)
    return total


def _thump(rng: Rng) -> np.ndarray:
    """A falling low tone, as of a drum."""
    time = np.arange(int(FS * 0.4)) / FS
    pitch = rng.uniform(40, 90) * (1 + 3 * np.exp(-time / rng.uniform(0.01, 0.05)))
    fall = np.exp(-time / rng.uniform(0.05, 0.3))
    return 3 * np.sin(2 * np.pi * np.cumsum(pitch) / FS) * fall


def _place(
    length: int, times: np.ndarray, kinds: list[np.ndarray], rng: Rng
) -> np.ndarray:
    """Add one of ``kinds`` at each of ``times``, in samples; 0 to 12 dB softer."""
    total = np.zeros(length)
    for time in times[times < length].astype(int):
        kind = kinds[int(rng.integers(len(kinds)))]
        size = min(len(kind), length - time)
        total[time : time + size] += 10 ** (rng.uniform(-12, 0) / 20) * kind[:size]
    return total


KINDS: dict[str, Callable[[int, Rng], np.ndarray]] = {
    "coloured": coloured,
    "crackle": crackle,
    "hits": hits,
    "machine": machine,
    "rhythm": rhythm,
    "sweeps": sweeps,
    "swelling": swelling,
    "tones": tones,
}
