"""Convolutions with the channels innermost; upstreams through their own forward."""

import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.ssl.blocks import ChannelNormGelu, HookedStack, conv_channels_last
from tests.ssl.helpers import Gain, build, module_of


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("channels", [1, 6])
def test_layout_changes_neither_values_nor_gradient(channels, bias):
    torch.manual_seed(0)
    conv = torch.nn.Conv1d(channels, 8, kernel_size=3, stride=2, bias=bias).double()
    x = torch.randn(2, channels, 31, dtype=torch.float64, requires_grad=True)
    ours, plain = conv_channels_last(x, conv), conv(x)
    torch.testing.assert_close(ours, plain)
    weights = torch.randn_like(plain)
    ours_grad, plain_grad = (
        torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, plain)
    )
    torch.testing.assert_close(ours_grad, plain_grad)


def channel_norm(dtype):
    norm = torch.nn.GroupNorm(5, 5).to(dtype)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm.requires_grad_(False)


@pytest.mark.parametrize("frames", [7, 256, 600])  # within, exactly and over a piece
def test_frozen_norm_and_gelu_are_those_of_torch_in_value_and_gradient(frames):
    torch.manual_seed(0)
    norm = channel_norm(torch.float64)
    x = (3 + 2 * torch.randn(2, frames, 5, dtype=torch.float64)).transpose(1, 2)
    x.requires_grad_()
    ours, plain = ChannelNormGelu.apply(x, norm), F.gelu(norm(x))
    torch.testing.assert_close(ours, plain)
    weights = torch.randn_like(plain)
    ours_grad, plain_grad = (
        torch.autograd.grad((y * weights).sum(), x)[0] for y in (ours, plain)
    )
    torch.testing.assert_close(ours_grad, plain_grad)


def test_frozen_norm_passes_the_numerical_gradient():
    x = torch.randn(1, 5, 9, dtype=torch.float64, requires_grad=True)
    norm = channel_norm(torch.float64)
    assert torch.autograd.gradcheck(lambda x: ChannelNormGelu.apply(x, norm), x)


@pytest.mark.parametrize("channels", [1, 6])
def test_channels_are_innermost_in_memory(channels):
    conv = torch.nn.Conv1d(channels, 8, kernel_size=3, stride=2)
    x = torch.randn(2, 31, channels).transpose(1, 2)
    with torch.no_grad():
        for layout in (x, x.contiguous()):
            assert conv_channels_last(layout, conv).stride(1) == 1


def test_channels_stay_innermost_from_block_to_block(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local", layers="conv").load()
    strides = []
    for block in module_of(upstream).model.feature_extractor.conv_layers:
        block[-1].register_forward_pre_hook(lambda _, x: strides.append(x[0].stride(1)))
    upstream(speech_like)
    assert strides == [1] * 6  # the first one is ChannelNormGelu's


class Uneven(Gain):
    """Three layers of 100 samples a frame; the last one lacks a frame."""

    def forward(self, wavs):
        (state,) = super().forward(wavs)["hidden_states"]
        state = state[:, 50::100]
        return {"hidden_states": [state, 2 * state, 3 * state[:, :-1]]}


def test_hooked_upstream_gives_the_layers_up_to_the_depth():
    stack = HookedStack(Uneven(), 3, 100)
    states = stack.run(torch.randn(1, 3000), torch.tensor([3000]), 1)
    assert len(states.hidden) == 2
    assert torch.equal(states.hidden[1], 2 * states.hidden[0])
    assert states.conv is None


def test_frames_of_a_hooked_upstream_are_those_that_every_layer_has():
    stack = HookedStack(Uneven(), 3, 100)
    states = stack.run(torch.randn(2, 3000), torch.tensor([3000, 2000]), 2)
    assert [state.shape for state in states.hidden] == [(2, 29, 1)] * 3
    assert states.lengths.tolist() == [29, 19]


def test_hooked_upstream_sees_utterances_without_their_padding():
    expert = Uneven()
    lengths = torch.tensor([3000, 2000, 40])
    states = HookedStack(expert, 3, 100).run(torch.randn(3, 3000), lengths, 0)
    # one length at a time; 1600 is the least that s3prl takes
    assert expert.calls == [[1600], [2000], [3000]]
    assert states.lengths.tolist() == [30, 20, 1]


def test_hooked_upstream_sees_utterances_of_one_length_together():
    expert = Uneven()
    wavs, lengths = torch.randn(3, 3000), torch.tensor([2000, 3000, 2000])
    states = HookedStack(expert, 3, 100).run(wavs, lengths, 0)
    assert expert.calls == [[2000, 2000], [3000]]
    for n, length in enumerate(lengths.tolist()):
        alone = HookedStack(expert, 3, 100).run(
            wavs[n : n + 1, :length], lengths[n : n + 1], 0
        )
        assert torch.equal(states.hidden[0][n, : alone.lengths], alone.hidden[0][0])
