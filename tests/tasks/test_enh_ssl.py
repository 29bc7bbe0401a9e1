"""Training through ESPnet: padded batches, logs, checkpoints, errors, spawn."""

import argparse
import os
import re
import subprocess
import sys

import pytest
import torch
import yaml
from espnet2.tasks.enh import EnhancementTask

from espnet2_ext.bin import enh_ssl_train
from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.enh.export import export
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.errors import UserError
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.conftest import ROOT
from tests.tasks.conftest import SNR
from tests.tiny_corpus import write_data_dir


def namespace(config):
    defaults = SSLEnhancementTask.get_default_config()
    return argparse.Namespace(**{**defaults, **yaml.safe_load(config.read_text())})


def run(*args, cwd=ROOT):
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def train_args(data, output, config):
    args = ["--config", config, "--output_dir", output, "--ngpu", 0]
    for name in ("train", "valid"):
        for scp, key in (("wav.scp", "speech_mix"), ("spk1.scp", "speech_ref1")):
            triple = f"{data / scp},{key},sound"
            args += [f"--{name}_data_path_and_name_and_type", triple]
            args += [f"--{name}_shape_file", data / f"{key}_shape"]
    return args


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data directory whose utterances differ in length, with shape files."""
    from espnet2_ext.fileio.audio import read_audio
    from espnet2_ext.fileio.scp import read_scp, write_scp

    directory = write_data_dir(tmp_path_factory.mktemp("corpus"), seconds=1.0)
    for scp, key in (("wav.scp", "speech_mix"), ("spk1.scp", "speech_ref1")):
        lengths = {
            u: len(read_audio(p)[0]) for u, p in read_scp(directory / scp).items()
        }
        write_scp(directory / f"{key}_shape", lengths)
    return directory


@pytest.fixture(scope="module")
def trained(data, checkpoints, tmp_path_factory):
    """One epoch with the shim, on padded batches; gives (process, directory)."""
    from tests.tasks.conftest import SMALL

    tmp = tmp_path_factory.mktemp("exp")
    entry = {
        "name": "ssl",
        "conf": {
            "upstream": "wavlm_local",
            "path_or_url": str(checkpoints["wavlm_local"]),
            "layers": [1, 3],
        },
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0},
    }
    config = tmp / "train.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "criterions": [SNR, entry]}))
    args = train_args(data, tmp / "exp", config)
    done = run("-m", "espnet2_ext", "-m", "espnet2.bin.enh_train", *args)
    assert done.returncode == 0, done.stderr[-3000:]
    return done, tmp / "exp"


def test_shim_trains_and_logs_the_loss_of_every_layer(trained):
    log = trained[0].stderr
    line = next(x for x in log.splitlines() if "1epoch results" in x)
    train, valid = re.split(r"\[valid\]", line)
    for part in (train, valid):
        for key in ("snr_loss=", "ssl_loss=", "ssl_loss_l01=", "ssl_loss_l03="):
            assert key in part
    layers = [float(x) for x in re.findall(r"ssl_loss_l0[13]=([\d.e+-]+)", train)]
    total = float(re.search(r"ssl_loss=([\d.e+-]+)", train)[1])
    assert total == pytest.approx(sum(layers) / 2, rel=0.01)


def test_log_says_what_the_loss_is_made_of(trained):
    assert (
        "upstream wavlm_local, mse over 0.500 x l01, 0.500 x l03" in trained[0].stderr
    )
    assert "mean over valid frames and feature dimension" in trained[0].stderr


def test_checkpoint_holds_the_separator_and_nothing_of_the_upstream(trained):
    state = torch.load(trained[1] / "valid.loss.best.pth", weights_only=True)
    assert state
    assert {key.split(".")[0] for key in state} <= {"encoder", "separator", "decoder"}


PLAIN = """
import sys
for name in ("s3prl", "espnet2_ext"):
    sys.modules[name] = None  # importing it now fails
from espnet2.bin.enh_inference import SeparateSpeech
import numpy as np
model = SeparateSpeech(train_config=sys.argv[1], model_file=sys.argv[2])
(wav,) = model(np.random.RandomState(0).randn(1, 16000).astype("float32"), 16000)
assert wav.shape == (1, 16000) and np.isfinite(wav).all()
assert not any(n.startswith(("s3prl.", "espnet2_ext.")) for n in sys.modules)
print("enhanced")
"""


def test_exported_model_loads_without_s3prl_and_this_package(trained, tmp_path):
    portable = export(trained[1], "valid.loss.best.pth")
    done = run(
        "-c", PLAIN, portable / "config.yaml", portable / "model.pth", cwd=tmp_path
    )
    assert done.stdout.strip().endswith("enhanced"), done.stderr[-2000:]
    refused = run("-c", PLAIN, trained[1] / "config.yaml", portable / "model.pth")
    assert refused.returncode != 0  # the export was needed


def test_pack_is_unpacked_by_espnet(trained, tmp_path):
    from espnet2.main_funcs.pack_funcs import unpack

    archive = tmp_path / "model.zip"
    done = run(
        "-m", "espnet2_ext.bin.pack", "--exp_dir", trained[1], "--outpath", archive
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = unpack(archive, tmp_path / "unpacked")
    with open(files["train_config"]) as stream:
        criterions = yaml.safe_load(stream)["criterions"]
    assert [criterion["name"] for criterion in criterions] == ["snr"]
    assert torch.load(files["model_file"], weights_only=True)


def test_espnets_pack_through_the_shim_is_loaded_by_plain_espnet(trained, tmp_path):
    from espnet2.main_funcs.pack_funcs import unpack

    archive = tmp_path / "model.zip"
    done = run(
        *("-m", "espnet2_ext", "-m", "espnet2.bin.pack", "enh"),
        *("--train_config", trained[1] / "config.yaml"),
        *("--model_file", trained[1] / "valid.loss.best.pth", "--outpath", archive),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    files = unpack(archive, tmp_path / "unpacked")
    done = run("-c", PLAIN, files["train_config"], files["model_file"], cwd=tmp_path)
    assert done.stdout.strip().endswith("enhanced"), done.stderr[-2000:]


def test_export_without_a_model_says_what_to_do(tmp_path):
    with pytest.raises(UserError, match="train first"):
        export(tmp_path, "valid.loss.best.pth")


def test_registration_reaches_a_spawned_process():
    done = run("-m", "espnet2_ext", "-m", "tests.tasks.spawner")
    expected = "SSLEnhancementTask in the child: SSLLoss, <class 'espnet2_ext"
    assert expected in done.stdout, done.stderr[-900:]


def test_model_is_espnets_with_lengths_on_the_way(small_config, speech_like):
    model = SSLEnhancementTask.build_model(namespace(small_config()))
    assert isinstance(model, SSLEnhancementModel)
    seen = []
    wrapper = model.loss_wrappers[1]
    original = wrapper.criterion.forward
    wrapper.criterion.forward = lambda ref, inf, lengths: (
        seen.append(lengths.tolist()) or original(ref, inf, lengths)
    )
    lengths = torch.tensor([24000, 12000])
    loss, stats, _ = model(
        speech_mix=speech_like, speech_ref1=speech_like, speech_mix_lengths=lengths
    )
    assert seen == [[24000, 12000]]
    loss.backward()
    total = stats["snr_loss"] + 10.0 * stats["ssl_loss"]
    torch.testing.assert_close(stats["loss"], total)


def test_parameters_are_those_of_a_plain_model(small_config):
    torch.manual_seed(0)
    ours = SSLEnhancementTask.build_model(namespace(small_config()))
    torch.manual_seed(0)
    plain = EnhancementTask.build_model(namespace(small_config(criterions=[SNR])))
    assert ours.state_dict().keys() == plain.state_dict().keys()
    for key, value in plain.state_dict().items():
        assert torch.equal(value, ours.state_dict()[key])


def entry(**changes):
    return {**SNR, **changes}


@pytest.mark.parametrize(
    ("criterions", "message"),
    [
        ([], "expected a list of losses"),
        ({"name": "snr"}, "expected a list of losses"),
        (["snr"], "expected name, conf, wrapper"),
        ([entry(wieght=1)], "Unknown key in criterions, entry 1 'wieght'"),
        ([{"name": "snr", "conf": {}}], "'wrapper' is missing"),
        ([{"name": "snr", "wrapper": "fixed_order"}], "'wrapper_conf' is missing"),
        ([entry(conf=None)], "expected 'name: value' pairs in conf, .* found None"),
        ([entry(wrapper_conf=None)], "pairs in wrapper_conf, .* found None"),
        ([entry(), entry(name="ssll")], "Unknown criterion 'ssll'"),
        ([entry(name="ssll")], "Unknown criterion 'ssll'.*Did you mean 'ssl'"),
        ([entry(wrapper="fixed")], "Unknown wrapper 'fixed'"),
        ([entry(conf={"epsilon": 1})], "Unknown key in .*'epsilon'; expected.*eps"),
        ([entry(name="ssl")], "'upstream' is missing"),
        ([entry(wrapper_conf={"weight": "ten"})], "weight 'ten' is not a finite"),
        ([entry(wrapper_conf={"weight": float("nan")})], "weight nan is not a finite"),
    ],
)
def test_wrong_criterions_are_one_clear_message(criterions, message):
    with pytest.raises(UserError, match=message):
        check_criterions(criterions)


def test_criterion_without_conf_is_accepted_as_espnet_does():
    check_criterions([{key: SNR[key] for key in ("name", "wrapper", "wrapper_conf")}])


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"layers": 12}, "layer 12 is out of range; this upstream has layers 0 to 3"),
        ({"path_or_url": "missing.pt"}, "path_or_url 'missing.pt'.*no such file"),
    ],
)
def test_training_stops_before_any_data_is_read(
    small_config, ssl_entry, tmp_path, conf, message
):
    ssl_entry["conf"].update(conf)
    args = train_args(tmp_path / "no_such_data", tmp_path / "exp", small_config())
    with pytest.raises(UserError, match=message):
        SSLEnhancementTask.main(cmd=[str(arg) for arg in args])
    assert not (tmp_path / "exp").exists()


def test_losses_are_checked_before_anything_is_built(small_config, tmp_path):
    config = small_config(criterions=[entry(wrapper_conf=None)])
    args = train_args(tmp_path / "no_such_data", tmp_path / "exp", config)
    with pytest.raises(UserError, match="pairs in wrapper_conf"):
        SSLEnhancementTask.main(cmd=[str(arg) for arg in args])


@pytest.mark.parametrize("collect_stats", [True, False])
def test_statistics_are_collected_without_the_upstream(
    small_config, monkeypatch, collect_stats
):
    args = namespace(small_config(collect_stats=collect_stats))
    model = SSLEnhancementTask.build_model(args)
    loaded = []
    monkeypatch.setattr(SSLLoss, "load", lambda self: loaded.append(self))
    (optimizer,) = SSLEnhancementTask.build_optimizers(args, model)
    assert loaded == ([] if collect_stats else [model.loss_wrappers[1].criterion])
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters()}


def test_user_error_ends_training_with_code_2_and_no_traceback(small_config, tmp_path):
    config = small_config(criterions=[{**SNR, "name": "snrr"}])
    args = train_args(tmp_path, tmp_path / "exp", config)
    done = run("-m", "espnet2_ext.bin.enh_ssl_train", *args)
    assert done.returncode == 2
    assert "Did you mean 'snr'" in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_top_level_key_is_refused(small_config, tmp_path):
    args = train_args(tmp_path, tmp_path / "exp", small_config(max_epochs=3))
    with pytest.raises(UserError, match=r"option 'max_epochs'.*mean 'max_epoch'"):
        enh_ssl_train.main([str(arg) for arg in args])
