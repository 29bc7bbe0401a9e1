"""Guarantee 4 of FrozenUpstream: padded frames, and what is in them, never count."""

import pytest
import torch

from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.ssl.helpers import build
from tests.tiny_checkpoints import BLOCKS, FAMILIES

NAMES = sorted(FAMILIES)


@pytest.mark.parametrize("name", NAMES)
def test_frames_are_those_of_the_convolutions(checkpoints, name):
    upstream = build(checkpoints, name, layers=0)
    features = upstream(torch.zeros(2, 16000), torch.tensor([16000, 8000]))
    assert features.lengths.tolist() == [49, 24]  # (n - 400) // 320 + 1
    assert features.layers[0].shape == (2, 49, 32)


@pytest.mark.parametrize("name", [*NAMES, "whisper_tiny_en", "fbank"])
def test_what_stands_in_the_padding_does_not_count(checkpoints, name, speech_like):
    tiny = name in checkpoints
    upstream = build(checkpoints, name) if tiny else FrozenUpstream(name, layers="all")
    lengths = torch.tensor([24000, 15000])
    states = []
    for rest in (0.0, 0.3):
        wav = speech_like.clone()
        wav[1, 15000:] *= rest
        wav.requires_grad_()
        found = upstream(wav, lengths)
        found.layers[max(found.layers)].sum().backward()
        assert not wav.grad[1, 15000:].any()
        states.append(found.layers)
    torch.testing.assert_close(*states)


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
    with pytest.raises(ValueError, match=r"\(B,\) = \(2,\).*found \(1,\)"):
        upstream(torch.zeros(2, 8000), torch.tensor([8000]))
    with pytest.raises(ValueError, match=r"waveforms \(B, T\), found \(1, 2, 8000\)"):
        upstream(torch.zeros(1, 2, 8000))
