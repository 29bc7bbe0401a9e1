import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import torch

from espnet2_ext.errors import UserError
from espnet2_ext.superb.sox import apply_effects_tensor

FS = 16000
SILENCE = ["silence", "1", "0.1", "0.1%", "-1", "0.1", "0.1%"]  # as s3prl's ASV


def loud(seconds):
    return 0.3 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * FS)) / FS)


def apply(wav, *effects, fs=FS):
    tensor = torch.tensor(np.atleast_2d(wav), dtype=torch.float32)
    return apply_effects_tensor(tensor, fs, effects)


def test_gain_is_in_decibels_and_clips():
    wav, _ = apply([0.5, -0.5], ["gain", "-6.0206"])
    assert wav[0].tolist() == pytest.approx([0.25, -0.25], abs=1e-6)
    wav, _ = apply([0.5, -0.9], ["gain", "3.0"])
    assert wav[0, 1] == -1


def test_channels_are_averaged_and_the_rate_is_changed():
    wav, fs = apply(np.ones((2, 800)) * [[0.1], [0.3]], ["channels", "1"])
    assert wav.shape == (1, 800)
    assert wav[0, 0] == pytest.approx(0.2)
    wav, fs = apply(loud(1), ["rate", "8000"])
    assert (wav.size(1), fs) == (8000, 8000)


def test_long_silence_goes_and_short_silence_stays():
    parts = [np.zeros(FS), loud(0.5), np.zeros(FS // 20), loud(0.5), np.zeros(FS)]
    wav, _ = apply(np.concatenate([*parts, loud(0.5)]), SILENCE)
    # the 20 ms over which sox averages reach into the silence after each sound
    assert wav.size(1) / FS == pytest.approx(0.5 + 0.05 + 0.5 + 0.5, abs=0.03)


def test_a_click_is_no_sound_and_silence_gives_nothing():
    click = np.zeros(FS)
    click[8000:8040] = 0.5
    assert apply(click, SILENCE)[0].size(1) == 0
    assert apply(np.zeros(FS), SILENCE)[0].size(1) == 0


def test_an_effect_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"reverb 50.*channels, gain, rate, silence"):
        apply(loud(0.1), ["reverb", "50"])


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
def test_the_same_samples_are_left_as_by_sox(tmp_path):
    rng = np.random.default_rng(0)
    parts = [p for n in (3, 1, 4) for p in (loud(n / 10), rng.normal(0, 1e-4, FS // 3))]
    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    soundfile.write(source, np.concatenate(parts), FS, subtype="PCM_16")
    subprocess.run(["sox", source, target, *SILENCE], check=True)
    wav, _ = soundfile.read(source)
    assert apply(wav, SILENCE)[0].size(1) == len(soundfile.read(target)[0])
