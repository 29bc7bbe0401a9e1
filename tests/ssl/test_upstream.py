"""The seven guarantees of FrozenUpstream, on s3prl's own model classes."""

import pytest
import torch
from torch import nn

from espnet2_ext.errors import UserError
from espnet2_ext.ssl import upstream as upstream_module
from espnet2_ext.ssl.loading import check_upstream, s3prl_hub
from espnet2_ext.ssl.upstream import FrozenUpstream, shared_forwards
from tests.tiny_checkpoints import BLOCKS, FAMILIES

NAMES = sorted(FAMILIES)


def build(checkpoints, name, **kwargs):
    return FrozenUpstream(name.split(":")[0], str(checkpoints[name]), **kwargs)


def s3prl_states(checkpoints, name, wav, lengths):
    """What s3prl's own hooks collect."""
    hub = s3prl_hub()
    expert = getattr(hub, name.split(":")[0])(ckpt=str(checkpoints[name])).eval()
    with torch.no_grad():
        rows = [w[:n] for w, n in zip(wav, lengths.tolist(), strict=True)]
        return expert(rows)["hidden_states"]


def gradient(upstream, wav):
    wav = wav.clone().requires_grad_()
    layers = upstream(wav).layers
    sum(layer.square().sum() for layer in layers.values()).backward()
    return wav.grad


# 1. the gradient reaches the waveform


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_the_waveform_at_full_size(checkpoints, name, speech_like):
    upstream = build(checkpoints, name, layers="last")
    generator = torch.Generator().manual_seed(0)
    wav = speech_like[:1, :8000].clone().requires_grad_()
    step = 2e-4 * torch.randn(1, 8000, generator=generator)
    direction = torch.randn(upstream(wav).layers[BLOCKS].shape, generator=generator)

    def projection(x):
        return (upstream(x).layers[BLOCKS] * direction).sum()

    (grad,) = torch.autograd.grad(projection(wav), wav)
    with torch.no_grad():
        numeric = (projection(wav + step) - projection(wav - step)) / 2
    # feature_grad_mult 0.1, as in the checkpoints, would be wrong by a factor of 10
    torch.testing.assert_close((grad * step).sum(), numeric, rtol=0.05, atol=0)


class Detached(nn.Module):
    """An upstream that cuts the gradient, as several of s3prl's do."""

    def forward(self, wavs):
        return {"hidden_states": [torch.stack(wavs).detach().unsqueeze(-1)]}

    def get_downsample_rates(self, key):
        return 1


def test_upstream_that_cuts_the_gradient_is_refused_when_loaded(monkeypatch):
    monkeypatch.setattr(s3prl_hub(), "cutter", lambda **k: Detached(), raising=False)
    upstream = FrozenUpstream("cutter")
    for _ in range(2):  # the second use is refused like the first
        with pytest.raises(UserError, match="no gradient through to the waveform"):
            upstream.load()


def test_hf_upstream_is_refused_and_the_alternative_named():
    with pytest.raises(UserError, match="use 'hubert_local'"):
        FrozenUpstream("hf_hubert_custom", "some/model")


# 2. frozen means frozen


@pytest.mark.parametrize("name", NAMES)
def test_identical_inputs_have_identical_features(checkpoints, name, speech_like):
    upstream = build(checkpoints, name)
    first, second = upstream(speech_like), upstream(speech_like)
    for layer, value in first.layers.items():
        assert torch.equal(value, second.layers[layer])


def test_no_weight_receives_a_gradient(checkpoints, speech_like):
    upstream = build(checkpoints, "hubert_local")
    gradient(upstream, speech_like)
    module = upstream._shared._copies[torch.device("cpu")][0]
    assert all(p.grad is None and not p.requires_grad for p in module.parameters())


class Holder(nn.Module):
    def __init__(self, upstream):
        super().__init__()
        self.upstream = upstream


def test_train_mode_of_a_parent_does_not_switch_dropout_on(checkpoints, speech_like):
    holder = Holder(build(checkpoints, "wavlm_local").load())
    holder.train()
    first, second = holder.upstream(speech_like), holder.upstream(speech_like)
    assert torch.equal(first.layers[BLOCKS], second.layers[BLOCKS])


# 3. outside of the model


def test_parent_module_does_not_see_the_weights(checkpoints):
    holder = Holder(build(checkpoints, "wavlm_local").load())
    assert not holder.state_dict()
    assert not list(holder.parameters())
    assert not list(holder.children())


def test_weights_are_loaded_at_first_use_only(checkpoints, monkeypatch, speech_like):
    built = []
    original = upstream_module.build_upstream
    monkeypatch.setattr(
        upstream_module, "build_upstream", lambda *a: built.append(a) or original(*a)
    )
    upstream = build(checkpoints, "wav2vec2_local", extra_conf={})
    assert not built
    upstream(speech_like)
    upstream(speech_like)
    assert len(built) == 1


def test_two_users_share_one_copy(checkpoints):
    one = build(checkpoints, "wavlm_local", layers=1).load()
    two = build(checkpoints, "wavlm_local", layers=2).load()
    device = torch.device("cpu")
    assert one._shared._copies[device][0] is two._shared._copies[device][0]


def test_later_user_finds_the_copy_where_it_went(checkpoints):
    one = build(checkpoints, "hubert_local", layers=1).load()
    elsewhere = torch.device("meta")  # stands for a GPU: the copy has left the CPU
    copies = one._shared._copies
    copies[elsewhere] = copies.pop(torch.device("cpu"))
    try:
        assert one._shared.device() == elsewhere
        assert one._shared.on(elsewhere) is copies[elsewhere][1]
        assert list(copies) == [elsewhere]
    finally:
        copies[torch.device("cpu")] = copies.pop(elsewhere)


# 4. lengths


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_those_of_the_convolutions(checkpoints, name):
    upstream = build(checkpoints, name, layers=0)
    features = upstream(torch.zeros(2, 16000), torch.tensor([16000, 8000]))
    assert features.lengths.tolist() == [49, 24]  # (n - 400) // 320 + 1
    assert features.layers[0].shape == (2, 49, 32)


def test_padding_does_not_reach_a_layer_norm_upstream(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local:large")
    wav, lengths = speech_like.clone(), torch.tensor([24000, 14000])
    wav[1, 14000:] = 0
    padded = upstream(wav, lengths)
    alone = upstream(wav[1:, :14000])
    n = int(alone.lengths[0])
    assert padded.lengths[1] == n
    for layer, value in alone.layers.items():
        torch.testing.assert_close(
            padded.layers[layer][1, :n], value[0], atol=1e-5, rtol=1e-4
        )


@pytest.mark.parametrize("samples", [100, 400, 961, 1000, 1039, 1600])
def test_short_input_works_and_has_a_valid_frame(checkpoints, samples):
    for name, kwargs in (("wavlm_local", {}), ("hubert_local", {})):
        features = build(checkpoints, name, **kwargs)(torch.randn(1, samples))
        assert int(features.lengths[0]) >= 1
        assert torch.isfinite(features.layers[BLOCKS]).all()
    fbank = FrozenUpstream("fbank")(torch.randn(1, samples))
    assert int(fbank.lengths[0]) >= 1


def test_lengths_that_do_not_fit_are_an_error(checkpoints):
    upstream = build(checkpoints, "wavlm_local")
    with pytest.raises(ValueError, match="do not fit"):
        upstream(torch.zeros(1, 8000), torch.tensor([8001]))


# 5. cost: hook-free, early exit, same numbers as s3prl


@pytest.mark.parametrize("name", NAMES)
def test_states_are_those_of_s3prl(checkpoints, name, speech_like):
    expected = s3prl_states(
        checkpoints, name, speech_like, torch.tensor([24000, 24000])
    )
    got = build(checkpoints, name)(speech_like).layers
    assert list(got) == list(range(BLOCKS + 1)) == list(range(len(expected)))
    for layer, value in got.items():
        torch.testing.assert_close(value, expected[layer], atol=1e-4, rtol=1e-4)


def test_padded_wav2vec2_states_are_those_of_s3prl(checkpoints, speech_like):
    lengths = torch.tensor([24000, 14000])
    expected = s3prl_states(checkpoints, "wav2vec2_local", speech_like, lengths)
    wav = speech_like.clone()
    wav[1, 14000:] = 0
    got = build(checkpoints, "wav2vec2_local")(wav, lengths)
    n = int(got.lengths[1])
    for layer, value in got.layers.items():
        torch.testing.assert_close(
            value[1, :n], expected[layer][1, :n], atol=1e-4, rtol=1e-4
        )


def test_forward_stops_at_the_highest_layer_in_use(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=[0, 1]).load()
    module = upstream._shared._copies[torch.device("cpu")][0]
    ran = []
    for i, layer in enumerate(module.model.encoder.layers):
        layer.register_forward_hook(lambda *a, i=i: ran.append(i))
    upstream(speech_like)
    assert ran == [0]


def test_conv_features_are_those_of_the_extractor(checkpoints, speech_like):
    upstream = build(checkpoints, "hubert_local", layers="conv")
    got = upstream(speech_like).layers["conv"]
    model = upstream._shared._copies[torch.device("cpu")][0].model
    torch.testing.assert_close(got, model.feature_extractor(speech_like).mT)
    assert gradient(upstream, speech_like).abs().max() > 0


def test_losses_of_one_step_share_a_forward_pass(checkpoints, speech_like):
    one = build(checkpoints, "wavlm_local", layers=1).load()
    two = build(checkpoints, "wavlm_local", layers=[0, 3]).load()
    stack = one._shared.on(torch.device("cpu"))
    runs = []
    original = stack.run
    stack.run = lambda wav, lengths, depth: (
        runs.append(depth) or original(wav, lengths, depth)
    )
    try:
        with shared_forwards():
            shared = one(speech_like).layers[1], two(speech_like).layers[3]
            other = one(speech_like.clone()).layers[1]
        assert runs == [3, 3]  # once a signal, deep enough for both
        apart = one(speech_like).layers[1], two(speech_like).layers[3]
        assert runs == [3, 3, 1, 3]
    finally:
        stack.run = original
    torch.testing.assert_close(shared, apart)
    torch.testing.assert_close(other, apart[0])


def test_sharing_does_not_hand_a_graphless_result_to_a_loss(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=1)
    wav = speech_like.clone().requires_grad_()
    with shared_forwards():
        with torch.no_grad():
            assert not upstream(wav).layers[1].requires_grad
        assert upstream(wav).layers[1].requires_grad


def test_sharing_notices_a_signal_changed_in_place(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=1)
    wav = speech_like.clone()
    with shared_forwards():
        before = upstream(wav).layers[1]
        wav.mul_(0.1)
        assert not torch.allclose(upstream(wav).layers[1], before)


def test_float16_autocast_does_not_reach_the_upstream(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=1)
    with torch.autocast("cpu", dtype=torch.float16):
        half = upstream(speech_like).layers[1]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, upstream(speech_like).layers[1])


# 6. what s3prl would silently ignore


def test_path_of_a_registered_name_is_refused(checkpoints):
    path = str(checkpoints["wavlm_local"])
    with pytest.raises(UserError, match=r"silently ignore.*use 'wavlm_local'"):
        FrozenUpstream("wavlm_base_plus", path)


@pytest.mark.parametrize(
    ("upstream", "path", "message"),
    [
        ("wavlm_base_pluss", None, "Did you mean 'wavlm_base_plus'"),
        ("wavlm_local", None, "needs path_or_url"),
        ("wavlm_local", "no/such.pt", "no such file"),
    ],
)
def test_wrong_upstream_is_refused_when_built(upstream, path, message):
    with pytest.raises(UserError, match=message):
        check_upstream(upstream, path)


def test_unreadable_checkpoint_is_one_clear_error(tmp_path):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"cannot be loaded from .*bad\.pt"):
        FrozenUpstream("wavlm_local", str(bad)).load()


def test_layer_out_of_range_is_known_when_loaded(checkpoints):
    with pytest.raises(UserError, match="has layers 0 to 3"):
        build(checkpoints, "wavlm_local", layers=12).load()


# 7. other sampling rates


@pytest.mark.parametrize("fs", [8000, 48000])
def test_other_sampling_rates_are_resampled_with_gradient(checkpoints, fs):
    time = torch.arange(fs) / fs
    tone = 0.5 * torch.sin(2 * torch.pi * 440 * time).unsqueeze(0)
    at_16k = 0.5 * torch.sin(2 * torch.pi * 440 * torch.arange(16000) / 16000)
    upstream = build(checkpoints, "wavlm_local", fs=fs, layers="last")
    got = upstream(tone)
    want = build(checkpoints, "wavlm_local", layers="last")(at_16k.unsqueeze(0))
    assert got.lengths.tolist() == want.lengths.tolist()
    middle = slice(10, 40)
    error = (got.layers[BLOCKS] - want.layers[BLOCKS])[:, middle].abs().max()
    assert error < 0.05 * want.layers[BLOCKS].abs().max()
    assert gradient(upstream, tone).abs().max() > 0


@pytest.mark.parametrize("fs", [0, -1, "16k", 16000.0])
def test_sampling_rate_must_be_a_number_of_hertz(checkpoints, fs):
    with pytest.raises(UserError, match="Hz"):
        build(checkpoints, "wavlm_local", fs=fs)


def test_upstream_without_blocks_goes_through_its_hooks(speech_like):
    mel = FrozenUpstream("mel", layers="all")
    features = mel(speech_like, torch.tensor([24000, 12000]))
    assert features.lengths[1] < features.lengths[0] <= features.layers[0].size(1)
    assert gradient(mel, speech_like).abs().max() > 0
    with pytest.raises(UserError, match="no convolutional features"):
        FrozenUpstream("mel", layers="conv").load()
