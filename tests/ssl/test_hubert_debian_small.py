"""The upstream that the package ships: offline, by name, and through plain s3prl."""

import hashlib
import subprocess
import sys

import pytest
import torch

from espnet2_ext.ssl.loading import SHIPPED
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream

NAME = "hubert_debian_small"
CARD = SHIPPED.with_suffix(".md")


def test_file_is_small_and_the_one_of_the_card():
    data = SHIPPED.read_bytes()
    assert len(data) < 12e6
    assert hashlib.sha256(data).hexdigest() in CARD.read_text()
    weights = torch.load(SHIPPED, weights_only=True)["model_weight"]
    assert {weight.dtype for weight in weights.values()} == {torch.float16}


def test_gradient_reaches_the_waveform_from_every_layer(speech_like):
    upstream = FrozenUpstream(NAME, layers="all").load()
    for layer in upstream.weights:
        wav = speech_like.clone().requires_grad_()
        upstream(wav).layers[layer].square().mean().backward()
        assert wav.grad.abs().max() > 0, layer
    assert len(FrozenUpstream(NAME, layers="conv")(speech_like).layers) == 1


def test_states_are_those_of_plain_s3prl(speech_like):
    import s3prl.hub as hub

    expert = hub.hubert_local(ckpt=str(SHIPPED)).eval()
    with torch.no_grad():
        expected = expert(list(speech_like))["hidden_states"]
        found = FrozenUpstream(NAME, layers="all")(speech_like).layers
    assert len(expected) == len(found) == 6
    for theirs, ours in zip(expected, found.values(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_features_depend_neither_on_the_batch_nor_on_padding(speech_like):
    upstream = FrozenUpstream(NAME, layers="all")
    alone = upstream(speech_like[:1, :16000]).layers
    batch = upstream(speech_like, torch.tensor([16000, 24000])).layers
    for layer, features in alone.items():
        frames = features.size(1)
        torch.testing.assert_close(
            batch[layer][:1, :frames], features, atol=1e-4, rtol=1e-3
        )


def test_hub_of_s3prl_is_not_imported_for_it():
    code = (
        "import sys; from espnet2_ext.ssl.upstream import FrozenUpstream as F; "
        f"F('{NAME}').load(); sys.exit('s3prl.hub' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", ["x.pt"])
def test_path_beside_the_name_is_refused(path):
    from espnet2_ext.errors import UserError

    with pytest.raises(UserError, match="hubert_local"):
        FrozenUpstream(UpstreamSpec(NAME, path)).load()
