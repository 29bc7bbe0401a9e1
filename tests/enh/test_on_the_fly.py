"""``preprocessor: on_the_fly``: what a draw hangs on, what stays, what is refused."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import yaml
from espnet2.train.distributed_utils import DistributedOption

from espnet2_ext.enh.on_the_fly import OnTheFlyPreprocessor
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from espnet2_ext.tasks.config import check_config
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.tasks.conftest import SMALL, SNR
from tests.tiny_corpus import write_data_dir

FS = 16000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Clean speech as mixture and reference, and a list of noise."""
    folder = write_data_dir(tmp_path_factory.mktemp("clean"), seconds=1.0)
    noise = 0.1 * np.random.default_rng(0).standard_normal(3 * FS).clip(-3, 3)
    write_audio(folder / "noise.wav", noise, FS)
    write_scp(folder / "noises.scp", {"n": f"{folder}/noise.wav"})
    clean = read_scp(folder / "spk1.scp")
    write_scp(folder / "shape", {u: len(read_audio(p)[0]) for u, p in clean.items()})
    return folder


@pytest.fixture
def conf(data):
    return {"noise_scp": str(data / "noises.scp"), "speed": [0.9, 1.1], "seed": 3}


def options_of(data, conf, **more):
    names = ("speech_mix", "speech_ref1")
    files = [(str(data / "spk1.scp"), name, "sound") for name in names]
    lists = {
        f"{part}_{kind}": value
        for part in ("train", "valid")
        for kind, value in (
            ("data_path_and_name_and_type", files),
            ("shape_file", [str(data / "shape")]),
        )
    }
    given = {"preprocessor": "on_the_fly", "preprocessor_conf": conf, **SMALL, **more}
    defaults = SSLEnhancementTask.get_default_config()
    return argparse.Namespace(**{**defaults, "ngpu": 0, **given, **lists})


def epoch_of(args, epoch, mode="train"):
    """Give id -> (mixture, reference) of an epoch, as a training gets them."""
    factory = SSLEnhancementTask.build_iter_factory(args, DistributedOption(), mode)
    found = {}
    for ids, batch in factory.build_iter(epoch):
        for n, id_ in enumerate(ids):
            length = int(batch["speech_mix_lengths"][n])
            names = ("speech_mix", "speech_ref1")
            found[id_] = tuple(batch[name][n, :length].numpy() for name in names)
    return found


def test_draw_hangs_on_seed_epoch_and_utterance_alone(data, conf):
    args = options_of(data, conf, num_iters_per_epoch=None)
    first = epoch_of(args, 2)
    others = {
        "workers": options_of(data, conf, num_iters_per_epoch=None, num_workers=2),
        "batches": options_of(data, conf, num_iters_per_epoch=None, batch_size=1),
    }
    for name, changed in others.items():
        again = epoch_of(changed, 2)
        assert again.keys() == first.keys()
        for id_, (mix, reference) in first.items():
            np.testing.assert_array_equal(again[id_][0], mix, err_msg=name)
            np.testing.assert_array_equal(again[id_][1], reference, err_msg=name)
    seeded = options_of(data, {**conf, "seed": 4}, num_iters_per_epoch=None)
    for other in (epoch_of(args, 3), epoch_of(seeded, 2)):
        for id_, (mix, _) in first.items():
            assert len(other[id_][0]) != len(mix) or (other[id_][0] != mix).any()


def test_epochs_of_one_factory_differ_with_workers_too(data, conf):
    args = options_of(data, conf, num_iters_per_epoch=None, num_workers=1)
    factory = SSLEnhancementTask.build_iter_factory(args, DistributedOption(), "train")
    sums = [
        sorted(float(b["speech_mix"].abs().sum()) for _, b in factory.build_iter(epoch))
        for epoch in (1, 2, 1)
    ]
    assert sums[0] == sums[2] != sums[1]


def test_chunks_are_cut_out_of_drawn_mixtures(data, conf):
    chunks = {"iterator_type": "chunk", "chunk_length": 4000, "batch_type": "folded"}
    args = options_of(data, conf, **chunks, num_iters_per_epoch=None, batch_size=2)
    factory = SSLEnhancementTask.build_iter_factory(args, DistributedOption(), "train")
    batches = [batch for _, batch in factory.build_iter(1)]
    assert batches
    for batch in batches:
        assert (batch["speech_mix"] != batch["speech_ref1"]).any()


def test_validation_data_stay_as_they_are(data, conf):
    clean = read_scp(data / "spk1.scp")
    for id_, (mix, reference) in epoch_of(options_of(data, conf), 1, "valid").items():
        np.testing.assert_array_equal(mix, reference)
        np.testing.assert_allclose(mix, read_audio(clean[id_])[0], atol=1e-6)


def test_noise_reference_makes_up_the_mixture_to_the_last_bit(conf):
    speech = 0.1 * np.random.default_rng(1).standard_normal(FS).astype(np.float32)
    streams = ("speech_mix", "speech_ref1", "noise_ref1")
    made = OnTheFlyPreprocessor(True, **conf)("u", dict.fromkeys(streams, speech))
    total = made["speech_ref1"] + made["noise_ref1"]
    np.testing.assert_array_equal(made["speech_mix"], total)


@pytest.mark.parametrize(
    ("data_of", "message"),
    [
        ({"speech_ref1": np.ones(9), "speech_ref2": np.ones(9)}, "'u1': .*speech_ref2"),
        ({"speech_ref1": np.ones((9, 2))}, "'u1': .*one channel"),
        ({"speech_ref1": np.zeros(FS, np.float32)}, "'u1': .*silent"),
    ],
)
def test_utterance_that_cannot_be_mixed_is_named(conf, data_of, message):
    with pytest.raises(UserError, match=message):
        OnTheFlyPreprocessor(True, **conf)("u1", {"speech_mix": np.ones(9), **data_of})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"snrs": [0, 5]}, "Did you mean 'snr'"),
        ({"snr": [5, 0]}, "found snr"),
        ({"filter_prob": "half"}, "filter_prob"),
    ],
)
def test_configuration_is_refused_before_any_work(conf, change, message):
    config = {**SMALL, "criterions": [SNR], "preprocessor": "on_the_fly"}
    check_config({**config, "preprocessor_conf": conf})
    with pytest.raises(UserError, match=message):
        check_config({**config, "preprocessor_conf": {**conf, **change}})
    with pytest.raises(UserError, match="noise_scp"):
        check_config({**config, "preprocessor_conf": {}})


def test_configuration_survives_yaml(conf):
    again = yaml.safe_load(yaml.safe_dump(conf))
    assert OnTheFlyPreprocessor(False, **again).options == (
        OnTheFlyPreprocessor(False, **conf).options
    )
