"""What the scorers make of audio that they cannot judge; with the real libraries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from espnet2_ext.metrics import dnsmos, limits, pesq_speech
from espnet2_ext.metrics.judge import Values
from espnet2_ext.metrics.limits import LIMITS
from espnet2_ext.metrics.registry import METRICS
from espnet2_ext.metrics.worker import Crashed, isolated
from tests.metrics.test_signal import FS, speech_like, with_noise

PAIRED = ["SI_SNR", "SDR", "PESQ_WB", "STOI", "ESTOI", "LPS", "SPK_SIM"]
ALL = [*PAIRED, "DNSMOS", "P808"]
LENGTHS = [
    *(1, 2, 3, 15, 16, 160, 255, 256, 257, 511, 512, 513, 1023, 1024, 1599, 1600),
    *(3999, 4000, 4001, 6553, 6554, 6557, 8001),
]
TIME = np.arange(2 * FS) / FS
NOISE = np.random.default_rng(3).standard_normal(2 * FS)
IMPULSE = np.eye(1, 2 * FS, 100)[0]
SIGNALS = {
    "zeros": np.zeros(2 * FS),
    "constant": np.full(2 * FS, 0.3),
    "nearly constant": 0.3 + 1e-9 * NOISE,
    "denormal": 1e-42 * NOISE,
    "inaudible": 1e-30 * NOISE,
    "huge": 1e30 * NOISE,
    "clipped": np.clip(100 * NOISE, -1, 1),
    "above full scale": 4 * NOISE,
    "impulse": IMPULSE,
    "tone": np.sin(2 * np.pi * 440 * TIME),
    "alternating": np.tile([0.5, -0.5], FS),
    "half silent": np.where(TIME < 1, 0.1 * NOISE, 0),
    "offset": 0.9 + 0.05 * NOISE,
    "speech": speech_like(2.0),
}


def compute(name: str, ref: np.ndarray, est: np.ndarray, fs: int = FS) -> Values:
    pair = (np.asarray(wav, dtype=np.float32) for wav in (ref, est))
    return METRICS[name].compute(*pair, fs)


def check(name: str, values: Values) -> None:
    """Check that each value is a finite number on the scale, or None with a reason."""
    assert set(values) == {q.key for q in METRICS[name].quantities}
    for value in values.values():
        if value is None:
            assert values.reason
        else:
            assert math.isfinite(value)
            assert value <= 100 + 1e-6
            assert value >= -100 or name == "LPS"  # more errors than phones
    assert bool(values.reason) == (None in values.values())


def test_docstring_shows_the_table() -> None:
    assert limits.limits_table() in (limits.__doc__ or "")


def test_every_scorer_has_limits() -> None:
    from espnet2_ext.metrics.asr import RECOGNISERS

    assert {*METRICS, *RECOGNISERS, "SSL"} == set(LIMITS)


@pytest.mark.parametrize("samples", LENGTHS)
@pytest.mark.parametrize("name", PAIRED)
def test_any_length_gives_a_number_or_a_reason(name: str, samples: int) -> None:
    part = speech_like()[FS // 12 :][:samples]  # within a syllable
    values = compute(name, part, with_noise(part, 5) if samples > 2 else part[::-1])
    check(name, values)
    (value,) = values.values()
    shortest = max(LIMITS[name].shortest * FS, LIMITS[name].shortest_samples)
    if samples < shortest:
        assert value is None
        assert "too short" in values.reason
    elif name in ("SI_SNR", "SDR"):
        assert value is not None


@pytest.mark.parametrize("samples", [16, 64, 257, 400, 512, 1024, 1025, 1600])
@pytest.mark.parametrize("name", ["SI_SNR", "SDR"])
def test_noise_is_no_good_estimate_at_the_shortest_length(
    name: str, samples: int
) -> None:
    rng = np.random.default_rng(samples)
    for _ in range(5):
        (value,) = compute(name, *rng.standard_normal((2, samples))).values()
        assert value is None or value < 0


@pytest.mark.parametrize("samples", [1599, 1600])
def test_dnsmos_needs_a_tenth_of_a_second(samples: int) -> None:
    pytest.importorskip("speechmos")
    values = compute("DNSMOS", NOISE[:samples], 0.1 * NOISE[:samples])
    check("DNSMOS", values)
    assert (values["OVRL"] is None) == (samples < 1600)


@pytest.mark.parametrize("ref", SIGNALS)
@pytest.mark.parametrize("name", PAIRED)
def test_any_signal_gives_a_number_or_a_reason(name: str, ref: str) -> None:
    silent = limits.is_silent(SIGNALS[ref].astype(np.float32))
    for est in SIGNALS.values():
        values = compute(name, SIGNALS[ref], est)
        check(name, values)
        if silent:
            assert values.reason == "silent reference"
            break
        if limits.is_silent(est.astype(np.float32)):
            assert set(values.values()) == {LIMITS[name].bottom}


@pytest.mark.parametrize("est", ["zeros", "constant", "denormal", "inaudible"])
def test_silence_has_the_worst_mos(est: str) -> None:
    pytest.importorskip("speechmos")
    values = compute("DNSMOS", SIGNALS["speech"], SIGNALS[est])
    assert set(values.values()) == {limits.WORST_MOS}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("ref", "est", "reason"),
    [
        (NOISE, NOISE[:-1], "reference has 32000 samples, estimate 31999"),
        (NOISE[:-1], NOISE, "reference has 31999 samples, estimate 32000"),
        (NOISE, np.where(TIME < 1, np.nan, NOISE), "not finite numbers (estimate)"),
        (NOISE, np.where(TIME < 1, np.inf, NOISE), "not finite numbers (estimate)"),
        (np.where(TIME < 1, -np.inf, NOISE), NOISE, "not finite numbers (reference)"),
        (NOISE, np.stack([NOISE, NOISE], 1), "estimate has more than one channel"),
        (np.stack([NOISE, NOISE], 1), NOISE, "reference has more than one channel"),
        (NOISE[:0], NOISE[:0], "reference has no samples"),
    ],
)
def test_unfit_pairs_have_a_reason(
    name: str, ref: np.ndarray, est: np.ndarray, reason: str
) -> None:
    values = compute(name, ref, est)
    assert set(values.values()) == {None}
    assert reason in values.reason


@pytest.mark.parametrize("name", ["ESTOI", "STOI"])
def test_digital_silence_in_the_estimate_is_scored_alike_each_time(name: str) -> None:
    ref = speech_like()
    est = np.where(abs(TIME - 1) < 0.5, 0, with_noise(ref, 10))
    np.random.seed(7)
    first = np.random.random()
    values = set()
    for _ in range(3):
        np.random.random()
        values.add(compute(name, ref, est)[name])
    assert len(values) == 1
    np.random.seed(7)
    compute(name, ref, est)
    assert np.random.random() == first  # the caller's generator is not touched


@pytest.mark.parametrize("fs", [8000, 11025, 44100, 48000])
@pytest.mark.parametrize("name", PAIRED)
def test_other_rates(name: str, fs: int) -> None:
    if fs < LIMITS[name].lowest_rate:
        pytest.skip("refused for the whole set")
    ref = speech_like()
    check(name, compute(name, ref, with_noise(ref, 5), fs))


# ---- DNSMOS --------------------------------------------------------------------------
@pytest.mark.parametrize("seconds", [1.3, 9.0, 10.99, 16.9])
def test_dnsmos_is_the_packages_where_that_hears_all(seconds: float) -> None:
    pytest.importorskip("speechmos")
    wav = speech_like(seconds)
    alone = dnsmos.load_dnsmos()(wav, FS, False)
    assert dnsmos.dnsmos(wav, wav, FS) == {
        name: alone[f"{name.lower()}_mos"] for name in ("OVRL", "SIG", "BAK")
    }


@pytest.mark.parametrize(
    ("seconds", "count"), [(9.01, 1), (12, 3), (17, 8), (20, 11), (30, 21), (60, 51)]
)
def test_dnsmos_hears_a_window_each_second(seconds: float, count: int) -> None:
    wav = np.arange(round(seconds * FS))
    windows = dnsmos.dnsmos_windows(wav)
    assert [window[0] for window in windows] == [n * FS for n in range(count)]
    assert {len(window) for window in windows} == {144160}
    assert len(wav) - windows[-1][-1] < 2 * FS


class Loudness:
    """In place of DNSMOS's network, which takes a second for each of these windows."""

    def run(self, names: None, inputs: dict[str, np.ndarray]) -> list:
        return [[np.repeat(np.abs(inputs["input_1"]).mean(), 3)]]


@pytest.mark.parametrize("second", range(0, 28, 3))
def test_every_second_is_heard(second: int, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("speechmos")
    monkeypatch.setattr(dnsmos.load_dnsmos(), "onnx_sess", Loudness())
    clean = speech_like(30)
    noisy = clean.copy()
    noisy[second * FS :][:FS] = 1
    values = [dnsmos.dnsmos(wav, wav, FS)["OVRL"] for wav in (clean, noisy)]
    assert values[0] != values[1]


# ---- PESQ ----------------------------------------------------------------------------
def bursts(
    count: int, period: float = 1.4, share: float = 0.5, pitch: float = 140
) -> np.ndarray:
    """Voice with pauses: what PESQ calls ``count`` utterances."""
    time = np.arange(round(count * period * FS)) / FS
    voice = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9))
    return (0.1 * voice * (time % period < share * period)).astype(np.float32)


def utterances(ref: np.ndarray) -> int:
    pair = (ref, with_noise(ref, 20).astype(np.float32))
    return isolated(pesq_speech.count_utterances, *pair, seconds=60)


@pytest.mark.parametrize("count", [1, 10, 49])
def test_utterances_are_those_that_the_library_finds(count: int) -> None:
    ref = bursts(count, 0.5, 0.56)
    assert utterances(ref) == count
    assert compute("PESQ_WB", ref, with_noise(ref, 20))["PESQ_WB"] is not None


def test_short_pauses_are_none() -> None:
    ref = bursts(65, 0.6, 0.7)
    assert utterances(ref) <= 1


def test_library_without_names_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pesq_speech.ctypes, "CDLL", lambda path: object())
    with pytest.raises(limits.NoValue, match="does not tell"):
        pesq_speech.count_utterances(bursts(1), bursts(1))


@pytest.mark.parametrize("name", ["SI_SNR", "SDR"])
@pytest.mark.parametrize("gain", [0.5, -1.0, 3.0])
def test_reference_at_another_level_has_no_ratio(name: str, gain: float) -> None:
    ref = speech_like(2)
    assert compute(name, ref, gain * ref)[name] is None


def test_pesq_refuses_more_utterances_than_it_has_room_for() -> None:
    ref = bursts(51, 0.5, 0.56)
    values = compute("PESQ_WB", ref, with_noise(ref, 20))
    assert values["PESQ_WB"] is None
    assert "utterances between pauses" in values.reason


def test_crash_of_pesq_is_named_and_costs_nothing_else() -> None:
    pesq = pytest.importorskip("pesq")
    ref = bursts(80, 0.45, 0.49)
    with pytest.raises(Crashed, match=r"crashed \(SIG"):
        isolated(pesq.pesq, FS, ref, with_noise(ref, 20), "wb", seconds=60)
    other = speech_like()
    assert compute("PESQ_WB", other, with_noise(other, 20))["PESQ_WB"] is not None
