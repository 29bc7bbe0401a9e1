"""Convolutions with the channels innermost."""

import pytest
import torch

from espnet2_ext.ssl.blocks import conv_channels_last


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


@pytest.mark.parametrize("channels", [1, 6])
def test_channels_are_innermost_in_memory(channels):
    conv = torch.nn.Conv1d(channels, 8, kernel_size=3, stride=2)
    x = torch.randn(2, 31, channels).transpose(1, 2)
    with torch.no_grad():
        assert conv_channels_last(x, conv).stride(1) == 1
