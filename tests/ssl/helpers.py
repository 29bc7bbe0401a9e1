"""What the tests of the upstreams share."""

import torch
from torch import nn

from tests.flat import frozen_upstream

CPU = torch.device("cpu")


def build(checkpoints, name, **kwargs):
    return frozen_upstream(
        upstream=name.split(":")[0], path_or_url=str(checkpoints[name]), **kwargs
    )


def module_of(upstream):
    """The s3prl expert behind a loaded upstream."""
    return upstream._shared._copies[CPU][0]


def gradient(upstream, wav):
    wav = wav.clone().requires_grad_()
    layers = upstream(wav).layers
    sum(layer.square().sum() for layer in layers.values()).backward()
    return wav.grad


def assert_gradient_is_the_slope(upstream, layer, wav):
    """Compare autograd with a central difference along a random direction."""
    generator = torch.Generator().manual_seed(0)
    wav = wav.clone().requires_grad_()
    step = 2e-4 * torch.randn(wav.shape, generator=generator)
    direction = torch.randn(upstream(wav).layers[layer].shape, generator=generator)

    def projection(x):
        return (upstream(x).layers[layer] * direction).sum()

    (grad,) = torch.autograd.grad(projection(wav), wav)
    with torch.no_grad():
        numeric = (projection(wav + step) - projection(wav - step)) / 2
    torch.testing.assert_close((grad * step).sum(), numeric, rtol=0.05, atol=0)


class Gain(nn.Module):
    """The smallest s3prl expert: one state, one frame a sample; records its calls."""

    def __init__(self, gain=2.0, **kwargs):
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))
        self.kwargs = kwargs
        self.calls = []

    def forward(self, wavs):
        self.calls.append([len(wav) for wav in wavs])
        batch = nn.utils.rnn.pad_sequence(wavs, batch_first=True)
        return {"hidden_states": [(batch * self.gain).unsqueeze(-1)]}

    def get_downsample_rates(self, key):
        return 1
