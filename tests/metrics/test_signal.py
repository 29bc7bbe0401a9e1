from __future__ import annotations

import logging

import numpy as np
import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import dnsmos, signal
from espnet2_ext.metrics.registry import METRICS, find_metric

FS = 16000


def speech_like(seconds: float = 2.0, seed: int = 0) -> np.ndarray:
    """Harmonics of a gliding voice under a syllable-like envelope, in [-0.5, 0.5]."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * FS)) / FS
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * time)) / FS
    voice = sum(
        np.sin(k * phase + rng.uniform(0, 6)) / k * (1 + np.cos(k))
        for k in range(1, 30)
    )
    wav = voice * np.clip(np.sin(2 * np.pi * 3 * time), 0, None)
    return (0.5 * wav / np.max(np.abs(wav))).astype(np.float32)


def with_noise(ref: np.ndarray, snr: float, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(len(ref)).astype(np.float32)
    noise -= noise.mean()
    # Orthogonal to the reference, so that the scale-invariant ratio is exactly snr.
    centred = ref - ref.mean()
    noise -= centred * (noise @ centred) / (centred @ centred)
    gain = np.sqrt(np.sum(centred**2) / np.sum(noise**2) * 10 ** (-snr / 10))
    return (ref + gain * noise).astype(np.float32)


def compute(name: str, ref: np.ndarray, est: np.ndarray) -> float | None:
    (value,) = METRICS[name].compute(ref, est, FS).values()
    return value


@pytest.mark.parametrize("snr", [-5.0, 0.0, 12.5])
def test_si_snr_of_a_mixture_at_known_snr(snr: float) -> None:
    ref = speech_like()
    assert compute("SI_SNR", ref, with_noise(ref, snr)) == pytest.approx(snr, abs=1e-3)


def test_si_snr_ignores_scale_and_offset_of_the_estimate() -> None:
    ref = speech_like()
    est = with_noise(ref, 5)
    assert compute("SI_SNR", ref, 0.3 * est + 0.1) == pytest.approx(5, abs=1e-3)


def test_sdr_agrees_with_mir_eval() -> None:
    separation = pytest.importorskip("mir_eval").separation
    ref = speech_like()
    est = with_noise(ref, 7)
    est[3:] += 0.4 * ref[:-3]  # a distortion that the 512-tap filter forgives
    oracle = separation.bss_eval_sources(ref[None], est[None], False)[0][0]
    assert compute("SDR", ref, est) == pytest.approx(oracle, abs=1e-2)
    assert compute("SDR", ref, est) > compute("SI_SNR", ref, est) + 0.5


def test_argument_order_is_the_libraries_reference_then_estimate() -> None:
    import pesq
    import pystoi

    ref = speech_like()
    est = with_noise(ref, 20)
    est[FS:] *= 0.05
    oracles = {
        "PESQ_WB": pesq.pesq(FS, ref, est, "wb"),
        "ESTOI": 100 * pystoi.stoi(ref, est, FS, extended=True),
        "STOI": 100 * pystoi.stoi(ref, est, FS),
    }
    for name, oracle in oracles.items():
        assert compute(name, ref, est) == pytest.approx(oracle, abs=1e-4)
        assert compute(name, est, ref) != pytest.approx(oracle, abs=1e-2)


@pytest.mark.parametrize("name", ["PESQ_WB", "ESTOI", "STOI", "SDR"])
def test_less_noise_scores_better(name: str) -> None:
    ref = speech_like()
    assert compute(name, ref, with_noise(ref, 20)) > compute(
        name, ref, with_noise(ref, 0)
    )


def test_identical_signals_have_no_ratio_but_the_best_quality() -> None:
    ref = speech_like()
    assert compute("SI_SNR", ref, ref) is None
    assert compute("SDR", ref, ref) is None
    assert compute("PESQ_WB", ref, ref) == pytest.approx(4.64, abs=0.01)
    assert compute("ESTOI", ref, ref) == pytest.approx(100, abs=0.01)


@pytest.mark.parametrize(
    ("name", "bottom"),
    [("SI_SNR", -100), ("SDR", -100), ("PESQ_WB", 1), ("ESTOI", 0), ("STOI", 0)],
)
def test_silent_estimate_gets_the_bottom_of_the_scale(name: str, bottom: float) -> None:
    ref = speech_like()
    assert compute(name, ref, np.zeros_like(ref)) == bottom


@pytest.mark.parametrize("name", ["SI_SNR", "SDR", "PESQ_WB", "ESTOI", "STOI"])
def test_silent_reference_has_no_value_and_warns(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    est = speech_like()
    with caplog.at_level(logging.WARNING):
        assert compute(name, np.zeros_like(est), est) is None
    assert caplog.records


def test_clip_without_enough_speech_has_no_stoi() -> None:
    ref = speech_like()[:3000]
    assert compute("ESTOI", ref, with_noise(ref, 5)) is None


def test_pesq_refuses_narrow_band_audio() -> None:
    ref = speech_like()
    with pytest.raises(UserError, match="8000 Hz"):
        signal.pesq_wb(ref, ref, 8000)


def test_dnsmos_reads_loud_audio_and_ignores_the_reference() -> None:
    pytest.importorskip("speechmos")
    loud = 3 * speech_like(9.1)
    values = dnsmos.dnsmos(np.zeros_like(loud), loud, FS)
    assert set(values) == {"OVRL", "SIG", "BAK"}
    assert values == dnsmos.dnsmos(loud, loud / np.max(np.abs(loud)), FS)
    assert values["BAK"] > dnsmos.dnsmos(loud, with_noise(loud, 0), FS)["BAK"]


def test_unknown_metric_names_the_closest() -> None:
    with pytest.raises(UserError, match="Did you mean 'SI_SNR'"):
        find_metric("SISNR")


def test_registry_declares_exactly_what_each_metric_returns() -> None:
    ref = speech_like(9.1)
    for metric in METRICS.values():
        found = metric.compute(ref, with_noise(ref, 5), FS)
        assert set(found) == {quantity.key for quantity in metric.quantities}
