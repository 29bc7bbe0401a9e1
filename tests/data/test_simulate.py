import numpy as np
import pytest

from espnet2_ext.data import simulate
from espnet2_ext.errors import UserError

FS = 16000


def energy_db(first, second):
    energies = [np.sum(np.square(x, dtype=np.float64)) for x in (first, second)]
    return 10 * np.log10(energies[0] / energies[1])


def signals(seed=0, length=FS):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(length) + 0.3, 5 * rng.standard_normal(length) - 0.2


@pytest.mark.parametrize("snr", [-5, 0, 5, 10, 15])
def test_snr_is_exact_over_the_whole_utterance(snr):
    made = simulate.mix_at_snr(*signals(), snr, -25.0)
    assert energy_db(made.reference, made.noise) == pytest.approx(snr, abs=0.01)


def test_level_is_the_rms_of_the_reference():
    made = simulate.mix_at_snr(*signals(), 10, -25.0)
    level = 20 * np.log10(simulate.rms(made.reference / 32768))
    assert level == pytest.approx(-25.0, abs=0.01)


@pytest.mark.parametrize("level", [-25.0, 0.0])
def test_mixture_is_the_exact_sum_and_never_clips(level):
    made = simulate.mix_at_snr(*signals(), -5, level)
    total = made.reference.astype(np.int64) + made.noise.astype(np.int64)
    np.testing.assert_array_equal(made.mix, total)
    assert np.abs(made.mix.astype(np.int64)).max() <= 0.9 * 32768 + 1


def test_loud_items_are_scaled_as_a_whole():
    made = simulate.mix_at_snr(*signals(), -5, 0.0)
    assert energy_db(made.reference, made.noise) == pytest.approx(-5, abs=0.01)


def test_constant_offset_does_not_count_as_signal():
    speech, noise = signals()
    plain = simulate.mix_at_snr(speech, noise, 5, -25.0)
    shifted = simulate.mix_at_snr(speech + 10, noise - 7, 5, -25.0)
    np.testing.assert_allclose(plain.mix, shifted.mix, atol=1)


def test_late_reverberation_goes_to_the_noise_and_not_into_the_snr():
    speech, noise = signals()
    late = np.roll(speech, 900) * 0.5
    dry = simulate.mix_at_snr(speech, noise, 5, -30.0)
    wet = simulate.mix_at_snr(speech, noise, 5, -30.0, late)
    np.testing.assert_array_equal(wet.reference, dry.reference)
    added = (wet.noise - dry.noise) / 32768
    gain = 10 ** (-30 / 20) / simulate.rms(speech - speech.mean())
    np.testing.assert_allclose(added, gain * late, atol=2 / 32768)


@pytest.mark.parametrize("silent", [0, 1])
def test_silence_has_no_snr(silent):
    pair = list(signals())
    pair[silent] = np.full(FS, 0.5)
    with pytest.raises(UserError, match="silent"):
        simulate.mix_at_snr(*pair, 5, -25.0)


def test_pauses_lie_between_the_clips():
    rng = np.random.default_rng(0)
    clips = [np.ones(100), np.ones(50)]
    joined = simulate.join_with_pauses(clips, (0.2, 0.5), FS, rng)
    pause = len(joined) - 150
    assert 0.2 * FS <= pause <= 0.5 * FS
    np.testing.assert_array_equal(joined[100 : 100 + pause], 0)
    np.testing.assert_array_equal(joined[-50:], 1)


def test_fill_brings_short_sounds_to_one_level_and_skips_silence():
    quiet, loud = signals()[0][:2000] * 0.001, signals()[1][:2000]
    order = iter([quiet, np.zeros(2000), loud, quiet, loud])
    filled = simulate.fill(5000, lambda: next(order), fade=100)
    assert filled.shape == (5000,)
    levels = [simulate.rms(filled[at : at + 800]) for at in (200, 2200, 4000)]
    assert levels == pytest.approx([1, 1, 1], rel=0.15)


def test_fill_gives_up_on_nothing_but_silence():
    with pytest.raises(UserError, match="silence"):
        simulate.fill(5000, lambda: np.zeros(2000), fade=100, tries=5)


def test_babble_is_the_sum_of_equally_loud_voices():
    voices = [lambda s=s: 10.0**s * signals(s)[0] for s in range(4)]
    alone = [simulate.fill(FS // 2, voice, 100) for voice in voices]
    together = simulate.babble(FS // 2, voices, 100)
    np.testing.assert_allclose(together, sum(alone), rtol=1e-5, atol=1e-5)


def test_excerpt_is_anywhere_and_short_sounds_stay_whole():
    rng = np.random.default_rng(0)
    wav = np.arange(1000)
    starts = {int(simulate.excerpt(wav, 100, rng)[0]) for _ in range(50)}
    assert len(starts) > 20
    assert len(simulate.excerpt(wav, 100, rng)) == 100
    assert len(simulate.excerpt(wav, 5000, rng)) == 1000


def test_room_reference_is_early_sound_aligned_with_the_dry_speech():
    room = simulate.random_room(FS, np.random.default_rng(0))
    assert len(room.early) == FS // 20
    assert not room.late[: FS // 20].any()
    assert 0.1 < room.rt60 < 0.9
    click = np.zeros(FS, np.float32)
    click[4000] = 1.0
    early, late = room.reverberate(click)
    assert early.shape == late.shape == click.shape
    assert np.flatnonzero(np.abs(early) > 0.5)[0] == 4000  # no delay
    assert not early[4000 + FS // 20 + 1 :].round(4).any()
    assert np.abs(late[: 4000 + FS // 20 - 1]).max() < 1e-4
    assert late.any()


def test_rooms_repeat_with_the_seed():
    first, second, other = (
        simulate.random_room(FS, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.early, second.early)
    assert not np.array_equal(first.early, other.early)
