"""Training through ESPnet on a GPU, in float32 and mixed precision."""

import re

import pytest
import torch
from espnet2.tasks.enh import EnhancementTask

from espnet2_ext.enh.export import export
from tests.tasks.conftest import SNR
from tests.tasks.test_enh_ssl import data as shared_data
from tests.tasks.test_enh_ssl import run, train_args

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU that torch can use"
)
data = shared_data  # the fixture
UPSTREAMS = ("whisper_tiny_en", "hubert_debian_small")


def train_losses(log):
    line = next(x for x in log.splitlines() if "1epoch results" in x)
    train = line.split("[valid]")[0]
    return {k: float(v) for k, v in re.findall(r"(\w*loss)=([-\d.e+]+)", train)}


def entry(upstream, balance):
    return {
        "name": "ssl",
        "conf": {"upstream": upstream, "layers": "all", "normalize": "layer_norm"},
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0, **balance},
    }


def train(data, small_config, folder, upstream, ngpu, *args, **balance):
    criterions = [SNR, entry(upstream, balance)]
    config = small_config(f"{folder.name}.yaml", criterions=criterions)
    options = train_args(data, folder, config)
    options[options.index("--ngpu") + 1] = ngpu
    done = run("-m", "espnet2_ext.bin.enh_ssl_train", *options, *args)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_first_losses_on_a_gpu_are_those_of_the_cpu(
    upstream, data, small_config, tmp_path
):
    one = ("--num_iters_per_epoch", 1)  # the loss of a step, before any update
    found, wanted = (
        train_losses(train(data, small_config, tmp_path / name, upstream, n, *one))
        for name, n in (("gpu", 1), ("cpu", 0))
    )
    assert {"snr_loss", "ssl_loss"} <= set(found)
    for key in ("snr_loss", "ssl_loss"):
        assert found[key] == pytest.approx(wanted[key], rel=0.02)


@pytest.mark.parametrize("balance", ["fixed", "gradient_norm", "projection"])
def test_mixed_precision_trains(balance, data, small_config, tmp_path):
    amp = ("--use_amp", "true")
    options = {} if balance == "fixed" else {"balance": balance}
    exp = tmp_path / "exp"
    log = train(data, small_config, exp, "hubert_debian_small", 1, *amp, **options)
    assert "nan" not in log.split("1epoch results")[1].split("\n")[0]
    weights = torch.load(exp / "1epoch.pth", map_location="cpu", weights_only=True)
    assert all(w.isfinite().all() for w in weights.values())


def test_plain_espnet_reads_on_a_cpu_what_a_gpu_trained(data, small_config, tmp_path):
    exp = tmp_path / "exp"
    train(data, small_config, exp, "whisper_tiny_en", 1)
    portable = export(exp, "1epoch.pth")
    model, _ = EnhancementTask.build_model_from_file(
        portable / "config.yaml", portable / "model.pth", "cpu"
    )
    assert {p.device.type for p in model.parameters()} == {"cpu"}
