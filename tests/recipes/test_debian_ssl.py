"""egs2/debian_speech/ssl1: its YAMLs, its options, and every stage in little."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml

from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp
from espnet2_ext.ssl.spec import UpstreamSpec
from tests.conftest import ROOT
from tests.hubert.test_convert import SIZE

RECIPE = ROOT / "egs2/debian_speech/ssl1"
CONFIGS = sorted(RECIPE.glob("conf/tuning/train_*.yaml"))


def run(recipe, *args):
    # the interpreter of this test, so that no second environment is made
    env = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [recipe / "run.sh", "--ngpu", "0", *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path_factory.mktemp("debian_ssl")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (directory / path.name).symlink_to(path)
    return directory


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configuration_is_accepted_whole_and_builds_a_small_model(path, tmp_path):
    import torch

    from espnet2_ext.tasks.hubert import HubertTask

    (tmp_path / "tokens.txt").write_text("0\n1\n2\n")
    dry = ["--config", str(path), "--output_dir", str(tmp_path), "--dry_run", "true"]
    dry += ["--token_list", str(tmp_path / "tokens.txt"), "--num_classes", "3"]
    HubertTask.main(cmd=[*dry, "--iterator_type", "none", "--ngpu", "0"])
    built = yaml.safe_load((tmp_path / "config.yaml").read_text())
    written = yaml.safe_load(path.read_text())
    for key, value in written.items():
        conf = built[key]
        if isinstance(value, dict):
            conf = {k: conf[k] for k in value}
        assert conf == value, key
    model, _ = HubertTask.build_model_from_file(tmp_path / "config.yaml")
    count = sum(p.numel() for p in model.parameters())
    assert 2 * count < 12e6  # bytes in half precision
    wav = torch.zeros(1, 16000)
    frames = model.encoder.hubert_pretrain_model.wav2vec2.feature_extractor(wav, None)
    assert frames[0].shape[1] == 49  # 20 ms


def test_iterations_have_the_same_network():
    first, second = (yaml.safe_load(path.read_text()) for path in CONFIGS)
    for conf in (first, second):
        for key in ("mask_prob", "mask_length"):
            conf["encoder_conf"].pop(key)
    assert first["encoder_conf"] == second["encoder_conf"]


def test_iterations_follow_one_another_each_on_the_units_of_the_one_before(recipe):
    done = run(recipe, "--dry_run", "true", "--stage", 5)
    assert done.returncode == 0, done.stdout
    order = re.findall(r"Stage (\d): (\w+)", done.stdout)
    assert order == [
        *[("5", "units"), ("7", "train")] * 2,
        ("8", "pack"),
    ]
    clustered = re.findall(r"kmeans_labels .*", done.stdout)
    assert "--feature mfcc" in clustered[0]
    assert "--feature hubert" in clustered[1]
    assert "--model_dir exp/hubert_iter0_" in clustered[1]
    first, second = re.findall(r"hubert_train .*", done.stdout)
    network = "encoder.hubert_pretrain_model.wav2vec2"
    assert "--init_param" not in first
    start = (
        f"exp/hubert_iter0_train_hubert_small_iter0_raw/valid.loss.best.pth:{network}"
    )
    assert f"--init_param {start}:{network}" in second
    only = run(recipe, "--dry_run", "true", "--stage", 7, "--train_start_iter", 1)
    assert re.findall(r"Stage (\d)", only.stdout) == ["7", "7", "8", "8"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n_clusters", "100"], "--n_clusters"),
        (["--stage", "9"], "--stage"),
        (["--train_start_iter", "2"], "--train_start_iter"),
        (["--train_configs", "a.yaml b.yaml"], "a.yaml"),
        (["--audio_format", "mp3"], "mp3"),
    ],
)
def test_option_without_sense_is_one_clear_error(recipe, words, message):
    refused = run(recipe, *words)
    assert refused.returncode == 2
    assert message in refused.stdout


def write_data(folder, seed, count):
    rng = np.random.default_rng(seed)
    wavs = {}
    for n in range(count):
        wavs[f"spk{n}-{seed}"] = path = folder / f"audio/{n}.wav"
        write_audio(path, 0.1 * rng.standard_normal(16000 + 800 * n), 16000)
    utt2spk = {utt: utt.split("-")[0] for utt in wavs}
    write_scp(folder / "wav.scp", wavs)
    write_scp(folder / "utt2spk", utt2spk)
    write_scp(folder / "spk2utt", utt2spk_to_spk2utt(utt2spk))


@pytest.fixture(scope="module")
def tiny(recipe):
    """Every stage after the data on noise, with a network in miniature."""
    for seed, (name, count) in enumerate((("train", 8), ("valid", 3))):
        (recipe / "data" / name).mkdir(parents=True)
        write_data(recipe / "data" / name, seed, count)
    config = yaml.safe_load(CONFIGS[0].read_text())
    config["encoder_conf"].update(SIZE)
    config |= {"max_epoch": 1, "batch_bins": 64000, "num_workers": 0}
    (recipe / "tiny.yaml").write_text(yaml.safe_dump(config))
    words = ["--stage", 3, "--train_configs", "tiny.yaml tiny.yaml"]
    words += ["--n_clusters", "4 6", "--layers_km", "0 1", "--nj", 1]
    done = run(recipe, *words)
    assert done.returncode == 0, done.stdout[-4000:]
    return words, done.stdout


@pytest.mark.slow
def test_what_comes_out_is_an_upstream(tiny, recipe, speech_like):
    from espnet2_ext.ssl.upstream import FrozenUpstream

    path = recipe / "exp/hubert_iter1_tiny_raw/hubert_s3prl.pt"
    upstream = FrozenUpstream(UpstreamSpec("hubert_local", str(path))).load()
    wav = speech_like.requires_grad_()
    features = upstream(wav)
    assert len(features.layers) == 3
    sum(layer.square().mean() for layer in features.layers.values()).backward()
    assert wav.grad.abs().max() > 0


@pytest.mark.slow
def test_second_run_has_nothing_left_to_do(tiny, recipe):
    words, _ = tiny
    again = run(recipe, *words, "--stop_stage", 7)
    assert again.returncode == 0, again.stdout[-2000:]
    assert "-> log" not in again.stdout
    assert again.stdout.count("skipped") == 8


@pytest.mark.slow
def test_other_units_do_not_go_into_a_training_begun(tiny, recipe):
    words, _ = tiny
    refused = run(recipe, *words, "--n_clusters", "5 6")
    assert refused.returncode == 1
    assert "found a training already begun in exp/hubert_iter0" in refused.stdout


@pytest.mark.slow
@pytest.mark.network
def test_real_speech_goes_through_the_first_stages(recipe, tmp_path):
    if shutil.which("apt-get") is None:
        pytest.skip("no apt-get: the corpus is made of Debian packages")
    for path in recipe.iterdir():
        if path.name not in ("data", "dump", "exp"):
            (tmp_path / path.name).symlink_to(path)
    options = "--max_train_utts 6 --max_valid_utts 3"
    words = ["--local_data_opts", options, "--stage", 1, "--stop_stage", 5]
    done = run(tmp_path, *words, "--train_stop_iter", 0, "--n_clusters", "8")
    if "Check the network" in done.stdout and "CI" not in os.environ:
        pytest.skip("the Debian packages cannot be downloaded here")
    assert done.returncode == 0, done.stdout[-4000:]
    [labels] = tmp_path.glob("exp/kmeans_iter0_*/train.km")
    assert len(labels.read_text().splitlines()) == 6
