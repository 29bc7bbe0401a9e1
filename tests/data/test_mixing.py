"""Drawn mixtures: exact sums, the asked-for ranges, what each option does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve

from espnet2_ext.data.mixing import Mixer, MixingOptions
from espnet2_ext.data.simulate import rms
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import write_scp

FS = 16000
PLAIN = {"snr": 0.0, "level": -30.0}


def draw(mixer: Mixer, seed: int = 0, speech: np.ndarray | None = None):
    return mixer.mix(a_voice() if speech is None else speech, rng(seed))


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def a_voice(seconds: float = 1.0) -> np.ndarray:
    return (0.1 * rng(9).standard_normal(int(seconds * FS))).astype(np.float32)


def db(first: np.ndarray, second: np.ndarray) -> float:
    return 20 * np.log10(rms(first.astype(float)) / rms(second.astype(float)))


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """Three noise files of two types, and a room whose response is known."""
    folder = tmp_path_factory.mktemp("noise")
    kinds = {"hum0": "hum", "hiss0": "hiss", "hiss1": "hiss"}
    time = np.arange(2 * FS) / FS
    for n, id_ in enumerate(kinds):
        hum = 0.3 * np.sin(2 * np.pi * 200 * time)
        hiss = 0.1 * rng(n).standard_normal(2 * FS).clip(-3, 3)
        write_audio(folder / f"{id_}.wav", hum if n == 0 else hiss, FS)
    write_scp(folder / "noises.scp", {x: f"{folder}/{x}.wav" for x in kinds})
    write_scp(folder / "utt2type", kinds)
    response = np.zeros(FS // 2)
    response[[100, 100 + FS // 50, 100 + FS // 10]] = 0.8, 0.4, 0.2  # 0, 20, 100 ms
    write_audio(folder / "room.wav", response, FS)
    write_scp(folder / "rirs.scp", {"room": f"{folder}/room.wav"})
    return folder


@pytest.fixture(scope="module")
def options(lists):
    return MixingOptions(
        noise_scp=str(lists / "noises.scp"),
        utt2type=str(lists / "utt2type"),
        rir_scp=str(lists / "rirs.scp"),
    )


EVERYTHING = {
    "num_noises": [1, 3],
    "speed": [0.8, 1.2],
    "filter_prob": 0.5,
    "rir_prob": 0.5,
    "clipping_prob": 0.5,
}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), reference=st.sampled_from(["dry", "early"]))
def test_mixture_is_exactly_reference_and_noise_whatever_is_drawn(
    options, seed, reference
):
    made = draw(Mixer(replace(options, **EVERYTHING, reference=reference)), seed)
    total = made.reference.astype(np.int64) + made.noise
    np.testing.assert_array_equal(made.mix, total)
    assert made.mix.dtype == np.int16
    assert np.abs(made.reference.astype(int)).max() > 0


def test_same_generator_gives_the_same_mixture_and_another_one_another(options):
    mixer = Mixer(replace(options, **EVERYTHING))
    first, again, other = draw(mixer, 1), draw(mixer, 1), draw(mixer, 2)
    np.testing.assert_array_equal(first.mix, again.mix)
    assert len(first.mix) != len(other.mix) or (first.mix != other.mix).any()


@pytest.mark.parametrize("snr", [-5.0, 3.0, 20.0])
def test_one_number_stands_for_a_range(options, snr):
    made = draw(Mixer(replace(options, snr=snr, level=-30.0)))
    assert db(made.reference, made.noise) == pytest.approx(snr, abs=0.05)
    level = db(made.reference, np.full(2, 32768.0))
    assert level == pytest.approx(-30.0, abs=0.05)


def test_ranges_are_filled(options):
    mixer = Mixer(replace(options, snr=[-5, 15], level=[-40, -25]))
    made = [draw(mixer, seed) for seed in range(60)]
    snrs = [db(m.reference, m.noise) for m in made]
    levels = [db(m.reference, np.full(2, 32768.0)) for m in made]
    assert -5.1 < min(snrs) < -2
    assert 12 < max(snrs) < 15.1
    assert -40.1 < min(levels) < -37
    assert -28 < max(levels) < -24.9


def test_types_are_drawn_alike_however_many_files_they_have(options):
    mixer = Mixer(replace(options, **PLAIN))
    hums = 0
    for seed in range(100):
        power = np.abs(np.fft.rfft(draw(mixer, seed).noise)) ** 2
        hums += power.max() > 0.3 * power.sum()
    assert 35 <= hums <= 65


def test_several_noises_are_added_together(options):
    made = draw(Mixer(replace(options, **PLAIN, num_noises=3)), 5)
    assert db(made.reference, made.noise) == pytest.approx(0.0, abs=0.05)


def test_speed_changes_the_length(options):
    assert len(draw(Mixer(replace(options, speed=1.25))).mix) == FS * 4 // 5
    assert len(draw(Mixer(options)).mix) == FS


def test_filter_changes_the_spectrum_and_its_share_is_kept(options):
    plain = draw(Mixer(options), 3).reference
    speech = a_voice()
    assert np.corrcoef(plain, speech)[0, 1] > 0.9999
    shares = []
    for seed in range(60):
        made = draw(Mixer(replace(options, filter_prob=0.5)), seed).reference
        shares.append(np.corrcoef(made, speech)[0, 1] < 0.9999)
    assert 18 <= sum(shares) <= 42


def in_room(options: MixingOptions, reference: str):
    quiet = {"snr": 80.0, "level": -25.0, "rir_prob": 1.0, "reference": reference}
    return draw(Mixer(replace(options, **quiet)))


def test_mixture_in_a_room_is_the_reverberant_speech(options):
    response = np.zeros(FS // 2)
    response[[0, FS // 50, FS // 10]] = 1.0, 0.5, 0.25
    wet = fftconvolve(a_voice(), response)[:FS]
    for reference in ("dry", "early"):
        made = in_room(options, reference)
        assert np.corrcoef(made.mix, wet)[0, 1] > 0.9999


def test_reference_in_a_room_is_dry_or_early(options):
    dry = in_room(options, "dry").reference
    assert np.corrcoef(dry, a_voice())[0, 1] > 0.9999
    response = np.zeros(FS // 2)
    response[[0, FS // 50]] = 1.0, 0.5
    early = fftconvolve(a_voice(), response)[:FS]
    made = in_room(options, "early").reference
    assert np.corrcoef(made, early)[0, 1] > 0.9999
    assert np.corrcoef(made, a_voice())[0, 1] < 0.95


def test_clipped_mixture_keeps_its_reference(options):
    clip = {"clipping_prob": 1.0, "clipping": 0.3}
    plain = draw(Mixer(replace(options, **PLAIN)))
    made = draw(Mixer(replace(options, **PLAIN, **clip)))
    np.testing.assert_array_equal(made.reference, plain.reference)
    most = np.abs(made.mix.astype(int)).max()
    assert most == pytest.approx(0.3 * np.abs(plain.mix.astype(int)).max(), abs=2)
    assert (np.abs(made.mix.astype(int)) == most).mean() > 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"snr": [10, 0]}, "found snr"),
        ({"snr": "0_10"}, "found snr"),
        ({"snr": [0, 5, 10]}, "found snr"),
        ({"level": [float("nan"), 0]}, "found level"),
        ({"num_noises": 0}, "found num_noises"),
        ({"num_noises": 1.5}, "found num_noises"),
        ({"speed": [0, 1]}, "found speed"),
        ({"filter_prob": 1.5}, "found filter_prob"),
        ({"rir_prob": True}, "found rir_prob"),
        ({"clipping": 0}, "found clipping"),
        ({"reference": "direct"}, "dry, early"),
        ({"rir_prob": 0.5, "rir_scp": ""}, "without a rir_scp"),
    ],
)
def test_value_that_cannot_be_meant_is_named(options, change, message):
    with pytest.raises(UserError, match=message):
        replace(options, **change)


def test_silent_speech_has_no_snr(options):
    with pytest.raises(UserError, match="silent"):
        draw(Mixer(options), speech=np.zeros(FS, np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "no noise"), ("a /nowhere/a.wav\n", "/nowhere/a.wav")],
)
def test_list_without_noise_is_refused(options, tmp_path: Path, content, message):
    (tmp_path / "noises.scp").write_text(content)
    bad = replace(options, noise_scp=str(tmp_path / "noises.scp"), utt2type="")
    with pytest.raises(UserError, match=message):
        draw(Mixer(bad))


def test_silent_room_is_refused(options, tmp_path: Path):
    write_audio(tmp_path / "r.wav", np.zeros(FS), FS)
    write_scp(tmp_path / "rirs.scp", {"r": f"{tmp_path}/r.wav"})
    bad = replace(options, rir_scp=str(tmp_path / "rirs.scp"), rir_prob=1.0)
    with pytest.raises(UserError, match=r"r\.wav: found silence"):
        draw(Mixer(bad))
