"""The guarantees of FrozenUpstream; 4 and 6 are in files of their own."""

import pytest
import torch
from torch import nn

from espnet2_ext.errors import UserError
from espnet2_ext.ssl import shared
from espnet2_ext.ssl.loading import s3prl_hub
from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.ssl.helpers import (
    assert_gradient_is_the_slope,
    build,
    gradient,
    module_of,
)
from tests.tiny_checkpoints import BLOCKS, FAMILIES

NAMES = sorted(FAMILIES)


def s3prl_states(checkpoints, name, wav, lengths):
    """What s3prl's own hooks collect."""
    hub = s3prl_hub()
    expert = getattr(hub, name.split(":")[0])(ckpt=str(checkpoints[name])).eval()
    with torch.no_grad():
        rows = [w[:n] for w, n in zip(wav, lengths.tolist(), strict=True)]
        return expert(rows)["hidden_states"]


# 1. the gradient reaches the waveform


@pytest.mark.parametrize("name", NAMES)
def test_gradient_reaches_the_waveform_at_full_size(checkpoints, name, speech_like):
    upstream = build(checkpoints, name, layers="last")
    assert_gradient_is_the_slope(upstream, BLOCKS, speech_like[:1, :8000])


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
    module = module_of(upstream)
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
    original = shared.build_upstream
    monkeypatch.setattr(
        shared, "build_upstream", lambda *a: built.append(a) or original(*a)
    )
    upstream = build(checkpoints, "wav2vec2_local", extra_conf={})
    assert not built
    upstream(speech_like)
    upstream(speech_like)
    assert len(built) == 1


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
    early = build(checkpoints, name, layers=1)(speech_like).layers[1]
    torch.testing.assert_close(early, expected[1], atol=1e-4, rtol=1e-4)


def test_padded_wav2vec2_states_are_those_of_s3prl(checkpoints, speech_like):
    lengths = torch.tensor([24000, 14000])
    expected = s3prl_states(checkpoints, "wav2vec2_local", speech_like, lengths)
    wav = speech_like.clone()
    wav[1, 14000:] = 0
    got = build(checkpoints, "wav2vec2_local", exact_padding=False)(wav, lengths)
    n = int(got.lengths[1])
    for layer, value in got.layers.items():
        torch.testing.assert_close(
            value[1, :n], expected[layer][1, :n], atol=1e-4, rtol=1e-4
        )


def test_forward_stops_at_the_highest_layer_in_use(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=[0, 1]).load()
    module = module_of(upstream)
    ran = []
    for i, layer in enumerate(module.model.encoder.layers):
        layer.register_forward_hook(lambda *a, i=i: ran.append(i))
    upstream(speech_like)
    assert ran == [0]


def test_conv_features_are_those_of_the_extractor(checkpoints, speech_like):
    upstream = build(checkpoints, "hubert_local", layers="conv")
    got = upstream(speech_like).layers["conv"]
    model = module_of(upstream).model
    torch.testing.assert_close(got, model.feature_extractor(speech_like).mT)
    ran = []
    model.encoder.pos_conv.register_forward_hook(lambda *a: ran.append(a))
    upstream(speech_like)
    assert not ran  # nothing beyond the convolutions
    assert gradient(upstream, speech_like).abs().max() > 0


def test_float16_autocast_does_not_reach_the_upstream(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=1)
    with torch.autocast("cpu", dtype=torch.float16):
        half = upstream(speech_like).layers[1]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, upstream(speech_like).layers[1])


def test_waveform_that_autocast_made_float16_is_taken(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=1)
    with torch.autocast("cpu", dtype=torch.float16):
        half = upstream(speech_like.half()).layers[1]
    torch.testing.assert_close(half, upstream(speech_like.half().float()).layers[1])


def test_bfloat16_autocast_reaches_the_upstream(checkpoints, speech_like):
    upstream = build(checkpoints, "hubert_local", layers="conv")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert upstream(speech_like).layers["conv"].dtype == torch.bfloat16


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


def test_valid_frames_are_those_of_the_resampled_waveform(checkpoints):
    samples = 3 * 16080 - 2  # 16080 at 16 kHz, where a 50th frame begins
    features = build(checkpoints, "wavlm_local", fs=48000, layers=0)(
        torch.randn(2, 60000), torch.tensor([60000, samples])
    )
    assert features.lengths.tolist() == [62, 50]


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
        FrozenUpstream("mel", layers=["conv", 0])


@pytest.mark.parametrize("name", ["wavlm_base_plus", "xls_r_300m", "whisper_tiny_en"])
def test_upstream_with_convolutions_is_known_by_its_name(name):
    assert FrozenUpstream(name, layers="conv").layers.needs_conv


@pytest.mark.parametrize(("fs", "hop"), [(16000, 320), (8000, 160), (48000, 960)])
def test_hop_is_that_of_the_waveform(checkpoints, fs, hop):
    assert build(checkpoints, "wavlm_local", fs=fs).hop == hop


def test_hop_of_other_upstreams():
    assert FrozenUpstream("mel").hop == 160
    assert FrozenUpstream("whisper_tiny_en").hop == 320


def test_some_of_the_layers_are_those_of_all(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers=["conv", "1-3"])
    whole = upstream(speech_like).layers
    part = upstream(speech_like, layers=["conv", 1]).layers
    assert list(part) == ["conv", 1]
    for layer, value in part.items():
        torch.testing.assert_close(value, whole[layer])
