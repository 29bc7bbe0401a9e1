"""The sets of a base system: computed noise, rooms, and speech out of miniatures."""

from __future__ import annotations

import numpy as np
import pytest

from corpus import base_sets
from corpus.base_sets import write_base_sets
from corpus.clips import FS
from corpus.synthetic import KINDS
from espnet2_ext.data.check import check_data_dir
from espnet2_ext.data.mixing import Mixer, MixingOptions
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp

MOST = {"train": 12, "valid": 4}


@pytest.fixture(scope="module")
def trees(downstream_root):
    return {tree.name: tree for tree in sorted(downstream_root.iterdir())}


@pytest.fixture(scope="module")
def data(trees, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base") / "data"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base_sets, "FILES", {"train": 2, "valid": 1})
        patch.setattr(base_sets, "ROOMS", {"train": 2, "valid": 1})
        write_base_sets(trees, folder, MOST)
        said: list[str] = []
        write_base_sets(trees, folder, MOST, say=said.append)
    assert sum("kept" in line for line in said) == 4
    return folder


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_computed_noise_is_sound_and_its_own_each_time(kind):
    one, again, other = (
        KINDS[kind](3 * FS, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert one.shape == (3 * FS,)
    assert np.isfinite(one).all()
    assert one.std() > 1e-4
    np.testing.assert_array_equal(one, again)
    assert np.corrcoef(one, other)[0, 1] < 0.9


def test_kinds_of_noise_have_spectra_of_their_own():
    spectra = []
    for kind in sorted(KINDS):
        power = np.zeros(257)
        for seed in range(8):
            wav = KINDS[kind](4 * FS, np.random.default_rng(seed))
            frames = wav[: len(wav) // 512 * 512].reshape(-1, 512) / wav.std()
            power += (np.abs(np.fft.rfft(frames)) ** 2).mean(0)
        spectra.append(np.log(power))
    closest = np.corrcoef(spectra) - 2 * np.eye(len(spectra))
    assert closest.max() < 0.999


def test_train_is_clean_and_valid_is_mixed(data):
    train, valid = data / "train", data / "valid"
    assert (train / "wav.scp").read_text() == (train / "spk1.scp").read_text()
    for folder, count in ((train, 12), (valid, 4)):
        problems = check_data_dir(folder, fs=FS)
        assert not [x for x in problems if not x.warning]
        assert {x.kind for x in problems} <= {"same-audio"}
        assert len(read_scp(folder / "wav.scp")) == count
    clean = read_scp(valid / "spk1.scp")
    for id_, path in read_scp(valid / "wav.scp").items():
        mix, reference = read_audio(path)[0], read_audio(clean[id_])[0]
        assert len(mix) == len(reference)
        assert np.abs(mix - reference).max() > 1e-3


def test_noise_has_every_kind_and_none_of_the_other_set(data):
    names = {}
    for part, files in (("train", 2), ("valid", 1)):
        folder = data / f"noise_{part}"
        kinds = read_scp(folder / "utt2type")
        assert sorted(set(kinds.values())) == sorted([*KINDS, "babble"])
        assert len(kinds) == files * (len(KINDS) + 1)
        names[part] = {
            read_audio(path)[0].tobytes()
            for path in read_scp(folder / "noises.scp").values()
        }
        assert len(names[part]) == len(kinds)
    assert not names["train"] & names["valid"]


def test_training_can_mix_what_is_written(data):
    folder = data / "noise_train"
    options = MixingOptions(
        noise_scp=str(folder / "noises.scp"),
        utt2type=str(folder / "utt2type"),
        rir_scp=str(folder / "rirs.scp"),
        rir_prob=1.0,
    )
    path = next(iter(read_scp(data / "train" / "spk1.scp").values()))
    made = Mixer(options).mix(read_audio(path)[0], np.random.default_rng(0))
    assert np.abs(made.mix).max() > 0
