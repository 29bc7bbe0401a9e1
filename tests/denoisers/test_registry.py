"""Each installed denoiser on a synthetic voice; absent ones are skipped by name."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.signal

from espnet2_ext.denoisers.registry import DENOISERS, Denoiser, denoiser
from espnet2_ext.denoisers.shipped import SHIPPED
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import resample
from tests.denoisers.half import NUMPY

FS = 16000
SYLLABLE = 4000  # samples; every fourth is a pause
VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (570, 840, 2410),
    (530, 1840, 2480),
    (300, 870, 2240),
)


def voice(seconds: float) -> np.ndarray:
    """Pulses of a moving pitch through the formants of vowels, with pauses."""
    rng = np.random.default_rng(0)
    time = np.arange(int(seconds * FS)) / FS
    pitch = 120 + 25 * np.sin(2.5 * time) + 10 * np.sin(7 * time)
    pulses = np.diff(np.floor(np.cumsum(pitch) / FS), prepend=0)
    output = np.zeros(len(time))
    for number, start in enumerate(range(0, len(time), SYLLABLE)):
        wav = pulses[start : start + SYLLABLE]
        for frequency, width in zip(
            VOWELS[rng.integers(5)], (80, 100, 130), strict=True
        ):
            r = np.exp(-np.pi * width / FS)
            cosine = np.cos(2 * np.pi * frequency / FS)
            wav = scipy.signal.lfilter([1 - r], [1, -2 * r * cosine, r * r], wav)
        envelope = np.hanning(len(wav)) * (number % 4 != 3)
        output[start : start + SYLLABLE] = wav * envelope
    return (0.3 * output / np.abs(output).max()).astype(np.float32)


CLEAN = voice(4)
NOISE = np.random.default_rng(1).standard_normal(len(CLEAN)).astype(np.float32)
NOISE *= CLEAN.std() / NOISE.std()


def lag(a: np.ndarray, b: np.ndarray) -> int:
    """By how many samples ``a`` trails ``b``: the peak of the cross-correlation."""
    product = scipy.signal.correlate(a, b, "full", "fft")
    return int(np.argmax(product)) - (len(b) - 1)


def contrast(wav: np.ndarray) -> float:
    """Level of the syllables over that of the pauses, in dB."""
    pause = np.arange(len(wav)) // SYLLABLE % 4 == 3
    return 10 * np.log10(np.mean(wav[~pause] ** 2) / np.mean(wav[pause] ** 2))


@pytest.fixture(params=list(DENOISERS), scope="module")
def installed(request: pytest.FixtureRequest) -> tuple:
    found = DENOISERS[request.param]
    if found.missing:
        pytest.skip(f"absent: {found.missing}")
    return found, found.load(1)


def test_output_is_not_delayed(installed: tuple) -> None:
    found, process = installed
    output = found.run(process, CLEAN + 0.01 * NOISE, FS)
    assert abs(lag(output, CLEAN)) <= 1


def test_noise_in_the_pauses_falls(installed: tuple) -> None:
    found, process = installed
    noisy = CLEAN + 0.56 * NOISE
    assert contrast(found.run(process, noisy, FS)) > contrast(noisy) + 10


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_length_and_rate_are_those_of_the_input(installed: tuple, rate: int) -> None:
    found, process = installed
    noisy = resample(CLEAN + 0.1 * NOISE, FS, rate)[: rate + 123]
    output = found.run(process, noisy, rate)
    assert output.shape == noisy.shape
    assert output.dtype == np.float32
    assert np.isfinite(output).all()
    clean = resample(CLEAN, FS, rate)[: rate + 123]
    assert abs(lag(output, clean)) <= rate / FS + 1


def test_utterances_do_not_influence_one_another(installed: tuple) -> None:
    found, process = installed
    noisy = (CLEAN + 0.3 * NOISE)[:FS]
    first = found.run(process, noisy, FS)
    found.run(process, NOISE[:FS], FS)
    np.testing.assert_array_equal(found.run(process, noisy, FS), first)


def test_very_short_audio_and_silence_pass(installed: tuple) -> None:
    found, process = installed
    for wav in (0.1 * NOISE[:100], np.zeros(FS, np.float32)):
        output = found.run(process, wav, FS)
        assert output.shape == wav.shape
        assert np.isfinite(output).all()


def shifting(delay: int, rate: int | None) -> Denoiser:
    def load(num_threads: int):
        return lambda wav, fs: np.pad(wav, (delay, 7))[: len(wav) + 7]

    return Denoiser(**NUMPY, rate=rate, delay=delay, load=load)


@pytest.mark.parametrize(("rate", "tolerance"), [(None, 0.0), (48000, 2e-3)])
def test_delay_is_removed_at_the_rate_of_the_denoiser(
    rate: int | None, tolerance: float
) -> None:
    found = shifting(959, rate)
    output = found.run(found.load(1), CLEAN, FS)
    np.testing.assert_allclose(output, CLEAN, rtol=0, atol=tolerance)


def test_more_than_one_channel_is_refused() -> None:
    found = shifting(3, None)
    with pytest.raises(UserError, match="2 channels; expected 1"):
        found.run(found.load(1), np.stack([CLEAN, CLEAN], 1), FS)


def test_output_that_is_not_finite_is_refused() -> None:
    def load(num_threads: int):
        return lambda wav, fs: wav * np.nan

    found = Denoiser(**NUMPY, load=load)
    with pytest.raises(UserError, match="Half gave samples that are not finite"):
        found.run(found.load(1), CLEAN, FS)


def test_unknown_name_gives_the_closest() -> None:
    with pytest.raises(UserError, match="Did you mean 'rnnoise'"):
        denoiser("rnoise")


def test_absent_package_says_how_to_install_it(monkeypatch) -> None:
    absent = Denoiser(
        **{**NUMPY, "module": "no_such.part", "install": "no-such==1"}, load=print
    )
    monkeypatch.setitem(DENOISERS, "x", absent)
    with pytest.raises(
        UserError, match=r"^denoiser x is not installed: pip install no-such==1$"
    ):
        denoiser("x")


def test_absent_further_package_is_named_too() -> None:
    assert denoiser_with("numpy").missing == "pip install no_runtime"
    assert denoiser_with("no_such").missing == (
        "pip install --no-deps x==1 && pip install no_runtime"
    )


def denoiser_with(module: str) -> Denoiser:
    needs = ("scipy", "no_runtime")
    pins = {"module": module, "install": "--no-deps x==1"}
    return Denoiser(**{**NUMPY, **pins}, load=print, needs=needs)


def test_every_package_is_pinned() -> None:
    for name, found in DENOISERS.items():
        if name not in SHIPPED:  # ours needs ESPnet, whichever is there
            assert f"{found.package}==" in found.install
