"""An ESPnet recogniser as an upstream of the loss."""

import argparse

import pytest
import torch
import yaml

from espnet2_ext.enh.loss.ssl_distance import SSLDistance
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.test_inference import ASR

NAME = "espnet_asr_local"


@pytest.fixture(scope="module")
def asr(tmp_path_factory):
    return write(tmp_path_factory.mktemp("asr"), {"model_conf": {"ctc_weight": 1.0}})


def write(folder, changes):
    from espnet2.tasks.asr import ASRTask

    config = {**ASRTask.get_default_config(), **ASR, **changes}
    torch.manual_seed(0)
    model = ASRTask.build_model(argparse.Namespace(**config))
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    torch.save(model.state_dict(), folder / "asr.pth")
    return folder / "asr.pth"


def waves():
    generator = torch.Generator().manual_seed(0)
    return 0.1 * torch.randn(2, 16000, generator=generator)


def test_layers_are_those_of_encoder_and_ctc(asr):
    upstream = FrozenUpstream(UpstreamSpec(NAME, str(asr)), layers="all").load()
    found = upstream(waves()).layers
    assert [layer.size(-1) for layer in found.values()] == [8, len(ASR["token_list"])]
    assert upstream.hop == 512  # 128 of the log-mel features, four to a frame


def test_utterance_of_a_padded_batch_has_what_it_has_alone(asr):
    upstream = FrozenUpstream(UpstreamSpec(NAME, str(asr)), layers="last").load()
    wav = waves()
    wav[1, 9000:] = 0
    together = upstream(wav, torch.tensor([16000, 9000]))
    alone = upstream(wav[1:, :9000])
    frames = int(alone.lengths[0])
    assert int(together.lengths[1]) == frames
    for layer, features in alone.layers.items():
        torch.testing.assert_close(together.layers[layer][1, :frames], features[0])


@pytest.mark.parametrize(
    "conf", [{"layers": "last", "distance": "ctc"}, {"layers": "all"}]
)
def test_gradient_reaches_the_waveform_and_no_weight_of_the_recogniser(asr, conf):
    distance = SSLDistance(UpstreamSpec(NAME, str(asr)), **conf)
    ref, est = waves(), waves().flip(0).requires_grad_()
    distance(est=est, ref=ref).sum().backward()
    assert est.grad.abs().max() > 0
    assert torch.isfinite(est.grad).all()


def test_recogniser_without_ctc_or_configuration_is_refused(asr, tmp_path):
    plain = write(tmp_path, {"model_conf": {"ctc_weight": 0.0}})
    with pytest.raises(UserError, match=r"without CTC \(ctc_weight 0\.0\)"):
        FrozenUpstream(UpstreamSpec(NAME, str(plain)), layers="last").load()
    (tmp_path / "config.yaml").unlink()
    with pytest.raises(UserError, match=r"config\.yaml: no such file; .*beside its"):
        FrozenUpstream(UpstreamSpec(NAME, str(plain)), layers="last").load()
