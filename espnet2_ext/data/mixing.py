"""Random noisy speech out of clean speech, noise files and room responses.

What `simulate` does with given values is drawn here for each utterance. The same
generator gives the same mixture, so whoever seeds it by (seed, epoch, utterance) has
training data that hangs neither on the number of workers nor on where a training was
resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from espnet2_ext.data import simulate
from espnet2_ext.data.noise_source import Pools, draw_noise, read_pools
from espnet2_ext.data.speed import change_speed
from espnet2_ext.errors import UserError, brief, finite_number, unknown_name
from espnet2_ext.fileio.audio import read_audio, resample
from espnet2_ext.fileio.scp import read_scp

REFERENCES = ("dry", "early")
EARLY_SECONDS = 0.05  # reflections that count as early
FILTER_RANGE = 3 / 8  # of a random filter's coefficients (Valin 2018, section II-D)
QUIETER = 10.0  # dB that a further noise lies below the first, at most


@dataclass(frozen=True)
class MixingOptions:
    """What is drawn for an utterance; ranges are [lowest, highest].

    Attributes:
        noise_scp: list of noise files, ``ID PATH``.
        utt2type: ``ID TYPE`` of each; types are drawn first, then files of one type.
        rir_scp: list of room impulse responses.
        fs: sampling rate of the speech, in Hz.
        snr: dB over the whole utterance.
        level: rms of the reference in dB relative to full scale.
        num_noises: how many noises are added together.
        speed: factor of the speech.
        filter_prob: share of utterances whose speech, and of noises that, go through a
            random filter.
        rir_prob: share of utterances in a room.
        reference: ``dry`` is the direct sound, ``early`` has the first 50 ms, too.
        clipping_prob: share of mixtures that are clipped.
        clipping: where, as a share of the mixture's peak.
        seed: of every random choice.
    """

    noise_scp: str
    utt2type: str = ""
    rir_scp: str = ""
    fs: int = 16000
    snr: tuple[float, float] = (-5.0, 15.0)
    level: tuple[float, float] = (-35.0, -15.0)
    num_noises: tuple[int, int] = (1, 1)
    speed: tuple[float, float] = (1.0, 1.0)
    filter_prob: float = 0.0
    rir_prob: float = 0.0
    reference: str = "dry"
    clipping_prob: float = 0.0
    clipping: tuple[float, float] = (0.3, 0.9)
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse values that cannot be meant.

        Raises:
            UserError: naming the key and its value.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(field.default, tuple):
                object.__setattr__(self, field.name, _range_of(field.name, value))
            elif field.name.endswith("_prob") and not _is_share(value):
                raise _refusal(field.name, value, "a share from 0 to 1")
        if self.num_noises[0] < 1 or any(x % 1 for x in self.num_noises):
            raise _refusal("num_noises", self.num_noises, "whole numbers from 1")
        if not 0.1 <= self.speed[0] <= self.speed[1] <= 10:
            raise _refusal("speed", self.speed, "factors from 0.1 to 10")
        if not 0 < self.clipping[0] <= self.clipping[1] <= 1:
            raise _refusal("clipping", self.clipping, "shares above 0, up to 1")
        if self.reference not in REFERENCES:
            raise unknown_name("reference", self.reference, REFERENCES)
        if self.rir_prob and not self.rir_scp:
            raise UserError(
                f"found rir_prob {self.rir_prob} without a rir_scp; expected a list of "
                "room impulse responses; add 'rir_scp: PATH', or leave rir_prob out."
            )


def _refusal(key: str, value: object, wanted: str) -> UserError:
    return UserError(
        f"preprocessor_conf: found {key} {brief(value)}; expected {wanted}."
    )


def _is_share(value: object) -> bool:
    number = finite_number(value)
    return number is not None and 0 <= number <= 1


def _range_of(key: str, value: object) -> tuple[float, float]:
    """Read [lowest, highest], or one number that stands for both."""
    given = list(value) if isinstance(value, (list, tuple)) else [value, value]
    pair = [x for x in map(finite_number, given) if x is not None]
    if len(pair) != 2 or len(given) != 2 or pair[0] > pair[1]:
        raise _refusal(key, value, "[lowest, highest], or one number")
    return pair[0], pair[1]


class Mixer:
    """Draws noisy versions of clean speech."""

    def __init__(self, options: MixingOptions) -> None:
        """Read the lists; audio is read when it is drawn.

        Raises:
            UserError: if a list cannot be read, or is empty.
        """
        self.options = options
        self.pools: Pools = read_pools(
            Path(options.noise_scp),
            Path(options.utt2type) if options.utt2type else None,
        )
        self.rooms = list(read_scp(options.rir_scp).values()) if options.rir_scp else []

    def mix(self, speech: np.ndarray, rng: np.random.Generator) -> simulate.Mixture:
        """Draw a noisy version.

        Args:
            speech: clean, (T,) float.
            rng: decides everything; the same state gives the same mixture.

        Returns:
            16-bit signals of shape (T / speed,), where ``mix == reference + noise``.

        Raises:
            UserError: if the speech or a noise is silent, or a file cannot be read.
        """
        speed = round(rng.uniform(*self.options.speed), 2)
        speech = self._filtered(change_speed(speech, speed), rng)
        reference, late = self._in_room(speech, rng)
        noise = self._noise(len(reference), rng)
        made = simulate.mix_at_snr(
            reference,
            noise,
            rng.uniform(*self.options.snr),
            rng.uniform(*self.options.level),
            late,
        )
        return self._clipped(made, rng)

    def _filtered(self, wav: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Give (T,) another spectrum, as other microphones would.

        Valin 2018, "A hybrid DSP/deep learning approach to real-time full-band speech
        enhancement", equation 7: H(z) = (1 + r1/z + r2/z^2) / (1 + r3/z + r4/z^2).
        """
        r = rng.uniform(-FILTER_RANGE, FILTER_RANGE, 4)
        if rng.random() >= self.options.filter_prob:
            return wav
        return lfilter([1, r[0], r[1]], [1, r[2], r[3]], wav).astype(np.float32)

    def _in_room(
        self, speech: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return what the reference is of (T,) speech, and what a room adds to it."""
        if rng.random() >= self.options.rir_prob:
            return speech, None
        room = self._room(self.rooms[int(rng.integers(len(self.rooms)))])
        early, late = room.reverberate(speech)
        if self.options.reference == "early":
            return early, late
        return speech, early + late - speech

    def _room(self, path: str) -> simulate.Room:
        wav, rate = read_audio(path)
        response = resample(wav if wav.ndim == 1 else wav[:, 0], rate, self.options.fs)
        direct = int(np.abs(response).argmax())
        if abs(response[direct]) < simulate.SILENT:
            raise UserError(f"{path}: found silence; expected a room impulse response.")
        response = response[direct:] / response[direct]
        split = int(EARLY_SECONDS * self.options.fs)
        late = response.copy()
        late[:split] = 0
        return simulate.Room(response[:split], late, float("nan"))

    def _noise(self, length: int, rng: np.random.Generator) -> np.ndarray:
        """Add noises of one or several types together, (length,)."""
        total = np.zeros(length, np.float32)
        kinds, fs = sorted(self.pools), self.options.fs
        low, high = map(int, self.options.num_noises)
        for number in range(int(rng.integers(low, high + 1))):
            files = self.pools[kinds[int(rng.integers(len(kinds)))]]
            noise = self._filtered(draw_noise(files, length, fs, rng)[0], rng)
            below = rng.uniform(0, QUIETER) if number else 0.0
            total += noise * np.float32(10 ** (-below / 20) / simulate.rms(noise))
        return total

    def _clipped(
        self, made: simulate.Mixture, rng: np.random.Generator
    ) -> simulate.Mixture:
        share = rng.uniform(*self.options.clipping)
        if rng.random() >= self.options.clipping_prob:
            return made
        most = int(share * np.abs(made.mix.astype(np.int32)).max())
        mix = np.clip(made.mix, -most, most)
        noise = mix.astype(np.int32) - made.reference
        whole = np.abs(noise).max() < simulate.INT16  # else the sum does not fit
        return (
            simulate.Mixture(mix, made.reference, noise.astype(np.int16))
            if whole
            else made
        )
