"""How many stretches of speech PESQ finds in a reference: its program takes 50.

ITU-T P.862, section 10.1.3 (utterances) and the program's constants: frames of 4 ms, a
threshold between noise and speech that is found by iteration, bursts of up to 16 ms
dropped, pauses of up to 200 ms bridged, stretches of more than 200 ms counted. The
program filters its input first, which shifts the threshold; here the count is the
largest one without a filter and with two telephone bands.
"""

from __future__ import annotations

import itertools

import numpy as np

from espnet2_ext.metrics.limits import RATE

MOST_UTTERANCES = 50
FRAME = 64  # samples at 16 kHz: 4 ms
BURST = 4  # frames; shorter ones are no speech
PAUSE = 50  # frames; shorter ones are none
STRETCH = 50  # frames; shorter ones are no utterance
ITERATIONS = 12
BANDS = (100, 3500), (300, 3100)  # Hz
FLOOR = 1e-4  # of the loudest frame


def count_utterances(ref: np.ndarray) -> int:
    """Count the utterances between pauses in (T,) samples at 16 kHz."""
    import scipy.signal

    wav = np.asarray(ref, dtype=np.float64)
    wav = wav - wav.mean()
    filters = (
        scipy.signal.butter(2, band, "bandpass", fs=RATE, output="sos")
        for band in BANDS
    )
    versions = [wav, *(scipy.signal.sosfilt(sos, wav) for sos in filters)]
    return max(map(_count, versions))


def _count(wav: np.ndarray) -> int:
    frames = len(wav) // FRAME
    if frames < STRETCH:
        return 0
    power = np.mean(wav[: frames * FRAME].reshape(frames, FRAME) ** 2, axis=1)
    power = np.maximum(power, FLOOR * power.max())
    speech = power > _threshold(power)
    speech[[0, -1]] = False
    for start, stop in _runs(speech):
        speech[start:stop] = stop - start > BURST
    runs = _runs(speech)
    for (_, stop), (start, _) in itertools.pairwise(runs):
        speech[stop:start] = start - stop <= PAUSE
    return sum(stop - start > STRETCH for start, stop in _runs(speech))


def _threshold(power: np.ndarray) -> float:
    level = power.mean()
    for _ in range(ITERATIONS):
        noise = power[power <= level]
        if not len(noise):
            break
        level = 1.001 * (noise.mean() + 2 * noise.std())
    return float(level)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """List ``(start, stop)`` of the stretches that are true."""
    edges = np.flatnonzero(np.diff(np.pad(flags.astype(np.int8), 1)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
