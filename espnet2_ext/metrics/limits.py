"""What each scorer can judge: one table, asked before the scorer is.

A scorer outside its limits gives an exception, a crash of the process or, worst of all,
a number. Here it gives no value, and the reason. ``limits_table`` prints this:

| scorer | shortest | longest | rate from | silent ref | silent est | random |
|---|---|---|---|---|---|---|
| SI_SNR | 16 samples | any | any | no value | -100 | no |
| SDR | 1024 samples | any | any | no value | -100 | no |
| PESQ_WB | 0.25 s | 49 utterances | 16000 Hz | no value | 1 | no |
| STOI | 0.4096 s | any | any | no value | 0 | no |
| ESTOI | 0.4096 s | any | any | no value | 0 | seeded |
| DNSMOS | 0.1 s | any | any | not used | 1 | no |
| P808 | 0.1 s | any | any | not used | 1 | no |
| LPS | 0.1 s | any | any | no value | 0 | no |
| SPK_SIM | 0.24 s | any | any | no value | 0 | no |
| SSL | its upstream's | its upstream's | any | judged | judged | no |
| pocketsphinx | 1 sample | any | any | not used | no words | no |
| whisper_tiny_en | 1 sample | any | any | not used | no words | no |
| whisper_base_en | 1 sample | any | any | not used | no words | no |
| whisper_small_en | 1 sample | any | any | not used | no words | no |
| whisper_medium_en | 1 sample | any | any | not used | no words | no |
| whisper_small | 1 sample | any | any | not used | no words | no |
| whisper_large_v3 | 1 sample | any | any | not used | no words | no |

Level: audio that does not move by a step of 24 bits (digital silence, a constant,
denormal numbers) is silent. Nothing else about the level matters: PESQ, DNSMOS and the
recognisers scale what is too loud. Samples must be finite numbers, and reference and
estimate have one channel and one length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from espnet2_ext.fileio.audio import RATE

LIMIT_DB = 100.0  # above the 98 dB of 16-bit rounding, so real audio never reaches it
# Bottom of the MOS scale; P.862.2 maps the worst real pairs to about 1.04.
WORST_MOS = 1.0
SILENCE = 2.0**-23  # one step of 24-bit audio, whose full scale is -1 to 1


class NoValue(Exception):
    """A scorer cannot judge an utterance; the message is the reason.

    Attributes:
        expected: nothing is wrong with the utterance (it needs no warning).
    """

    def __init__(self, reason: str, expected: bool = False) -> None:
        super().__init__(reason)
        self.expected = expected


@dataclass(frozen=True)
class Limits:
    """What a scorer can judge.

    Attributes:
        shortest: in s; below it there is no value.
        shortest_samples: the same as a number of samples, where the rate is no matter.
        longest: in words; checked by the scorer itself where it is not "any".
        lowest_rate: in Hz; 0 where audio of any rate is resampled.
        reference: what becomes of a silent reference.
        bottom: the value of a silent estimate: the bottom of the scale, so that losing
            an utterance never looks good; ``None`` where the scorer judges silence.
        silent_estimate: what stands in the table where there is no ``bottom``.
        random: whether the library draws random numbers; they are seeded.
        why: where the limits are from.
    """

    shortest: float = 0.0
    shortest_samples: int = 1
    longest: str = "any"
    lowest_rate: int = 0
    reference: str = "no value"
    bottom: float | None = None
    silent_estimate: str = "judged"
    random: bool = False
    why: str = ""

    @property
    def shortest_text(self) -> str:
        """The shortest audio, in words."""
        if self.longest.startswith("its"):
            return self.longest
        if self.shortest:
            return f"{self.shortest:g} s"
        return f"{self.shortest_samples} sample{'s' * (self.shortest_samples > 1)}"


LIMITS: Mapping[str, Limits] = {
    "SI_SNR": Limits(
        shortest_samples=16,
        bottom=-LIMIT_DB,
        why="two samples without their mean are always parallel (100 dB); from 16 on, "
        "white noise gets less than 0 dB",
    ),
    "SDR": Limits(
        shortest_samples=1024,
        bottom=-LIMIT_DB,
        why="the 512 taps that BSS Eval allows as distortion make any reference of up "
        "to 256 samples into any estimate (100 dB), and give white noise 0 dB up to "
        "about 700; 1024 are two filters",
    ),
    "PESQ_WB": Limits(
        shortest=0.25,
        longest="49 utterances",
        lowest_rate=RATE,
        bottom=WORST_MOS,
        why="P.862's program refuses shorter audio, and writes beyond its arrays where "
        "the reference has more than 50 stretches of speech between pauses",
    ),
    "STOI": Limits(
        shortest=0.4096,
        bottom=0.0,
        why="30 frames of 25.6 ms every 12.8 ms, as far as speech; Taal et al. 2011",
    ),
    "ESTOI": Limits(
        shortest=0.4096,
        bottom=0.0,
        random=True,
        why="as STOI; pystoi adds noise of 1e-16, which decides where the estimate is "
        "digital silence",
    ),
    "DNSMOS": Limits(
        shortest=0.1,
        reference="not used",
        bottom=WORST_MOS,
        why="shorter clips are repeated to 9.01 s: below 0.1 s that is a buzz",
    ),
    "P808": Limits(
        shortest=0.1, reference="not used", bottom=WORST_MOS, why="as DNSMOS"
    ),
    "LPS": Limits(
        shortest=0.1,
        bottom=0.0,
        why="shorter than any phone and its neighbours",
    ),
    "SPK_SIM": Limits(
        shortest=0.24,
        bottom=0.0,
        why="the search for a voice averages over eight windows of 30 ms",
    ),
    "SSL": Limits(
        longest="its upstream's",
        reference="judged",
        why="the upstream refuses what it cannot take: Whisper more than 30 s",
    ),
    "pocketsphinx": Limits(reference="not used", silent_estimate="no words"),
    **dict.fromkeys(
        (
            *("whisper_tiny_en", "whisper_base_en", "whisper_small_en"),
            *("whisper_medium_en", "whisper_small", "whisper_large_v3"),
        ),
        Limits(
            reference="not used",
            silent_estimate="no words",
            why="faster-whisper decodes windows of 30 s, at most 448 tokens each",
        ),
    ),
}


def limits_table() -> str:
    """Print ``LIMITS`` as a Markdown table."""
    titles = "scorer", "shortest", "longest", "rate from"
    header = (*titles, "silent ref", "silent est", "random")
    rows = [header, ("---",) * len(header)]
    for name, limits in LIMITS.items():
        rate = f"{limits.lowest_rate} Hz" if limits.lowest_rate else "any"
        bottom = limits.bottom
        silent = limits.silent_estimate if bottom is None else f"{bottom:g}"
        random = "seeded" if limits.random else "no"
        sizes = limits.shortest_text, limits.longest
        rows.append((name, *sizes, rate, limits.reference, silent, random))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines).replace("| --- ", "|---").replace("--- |", "---|")


def is_silent(wav: np.ndarray) -> bool:
    """Tell whether (T,) samples move by less than one step of 24-bit audio."""
    return bool(len(wav) == 0 or np.ptp(wav) < SILENCE)


def pair_problem(ref: np.ndarray, est: np.ndarray) -> str | None:
    """Say why no scorer can judge reference and estimate, (T,) each, if so."""
    for name, wav in (("reference", ref), ("estimate", est)):
        if wav.ndim != 1:
            return f"{name} has more than one channel (shape {wav.shape}), expected one"
        if not len(wav):
            return f"{name} has no samples"
        if not np.isfinite(wav).all():
            return f"has samples that are not finite numbers ({name})"
    if len(ref) != len(est):
        return f"reference has {len(ref)} samples, estimate {len(est)}"
    return None


def check_limits(name: str, ref: np.ndarray, est: np.ndarray, fs: int) -> None:
    """Check that a scorer can judge reference and estimate.

    Args:
        name: a key of ``LIMITS``.
        ref: reference, (T,).
        est: estimate, (T,).
        fs: rate in Hz.

    Raises:
        NoValue: with the reason.
    """
    limits = LIMITS[name]
    if problem := pair_problem(ref, est):
        raise NoValue(problem)
    if len(est) < max(limits.shortest * fs, limits.shortest_samples):
        raise NoValue(
            f"{len(est)} samples ({len(est) / fs:.3g} s) are too short, expected at "
            f"least {limits.shortest_text}"
        )
    if limits.reference == "no value" and is_silent(ref):
        raise NoValue("silent reference")
