"""The HuBERT task: ESPnet's, with the weights of its loss in the configuration."""

import subprocess
import sys

import pytest
import torch
from torch.nn.functional import cross_entropy

from espnet2_ext.tasks.hubert import HubertTask, WeightedHubertPretrainModel

MASKED, UNMASKED, PENALTY = 5, 8, torch.tensor(0.3)


def model(**weights):
    found = WeightedHubertPretrainModel.__new__(WeightedHubertPretrainModel)
    torch.nn.Module.__init__(found)
    defaults = {"masked_weight": 1.0, "unmasked_weight": 0.0, "feature_weight": 10.0}
    found.loss_weights = {**defaults, **weights}
    return found


def logits(frames, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(frames, 7, generator=generator)


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"masked_weight": 0.5},
        {"unmasked_weight": 2.0},
        {"feature_weight": 0.0},
    ],
)
def test_loss_is_the_weighted_sum(weights):
    found = model(**weights)
    masked, unmasked = logits(MASKED, 0), logits(UNMASKED, 1)
    loss = found._calc_hubert_loss(masked, unmasked, PENALTY)
    first = torch.zeros(MASKED, dtype=torch.long)  # the right unit is always the first
    second = torch.zeros(UNMASKED, dtype=torch.long)
    w = found.loss_weights
    expected = (
        w["masked_weight"] * cross_entropy(masked, first, reduction="sum")
        + w["unmasked_weight"] * cross_entropy(unmasked, second, reduction="sum")
        + w["feature_weight"] * PENALTY * MASKED
    )
    torch.testing.assert_close(loss, expected)


def build(tmp_path, conf):
    from tests.hubert.test_convert import SIZE

    (tmp_path / "tokens.txt").write_text("0\n1\n2\n")
    args = HubertTask.get_default_config()
    args |= {
        "encoder": "torchaudio_hubert",
        "encoder_conf": SIZE,
        "model": "torchaudio",
        "model_conf": conf,
        "input_size": 1,
        "frontend": None,
        "normalize": None,
        "token_list": str(tmp_path / "tokens.txt"),
        "num_classes": 3,
    }
    import argparse

    return HubertTask.build_model(argparse.Namespace(**args))


def test_configuration_reaches_the_loss(tmp_path):
    assert isinstance(build(tmp_path, {}), WeightedHubertPretrainModel)
    assert build(tmp_path, {}).loss_weights == model().loss_weights
    conf = {"masked_weight": 0.5, "unmasked_weight": 0.25, "feature_weight": 0.0}
    assert build(tmp_path, conf).loss_weights == conf


def test_parameters_are_those_of_espnet(tmp_path):
    from espnet2.hubert.espnet_model import TorchAudioHubertPretrainModel

    ours = build(tmp_path, {"unmasked_weight": 1.0})
    assert isinstance(ours, TorchAudioHubertPretrainModel)
    assert not [name for name in ours.state_dict() if "weight" in name.split(".")[0]]


def test_shim_registers_it_for_espnets_command():
    code = (
        "import sys; from espnet2_ext.__main__ import tasks_of; "
        "assert tasks_of('espnet2.bin.hubert_train') == ['hubert']; "
        "import espnet2_ext.tasks.hubert, espnet2.bin.hubert_train as command; "
        "sys.exit(command.HubertTask.__module__ != 'espnet2_ext.tasks.hubert')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
