"""An utterance of a padded batch has the features and the gradient it has alone.

Over every upstream that can be built offline; guarantee 4 of ``FrozenUpstream``.
"""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.blocks import ChannelNormGelu
from espnet2_ext.ssl.loading import s3prl_hub, upstream_names
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.flat import frozen_upstream
from tests.tiny_checkpoints import FAMILIES, HOOKED, write_all

FEATURES = ["baseline", "spectrogram", "fbank", "fbank_no_cmvn", "mfcc", "mel"]
FEATURES += ["linear", "customized_upstream"]  # of s3prl, without a checkpoint
OURS = ["whisper_tiny_en", "hubert_debian_small"]
NAMES = [*FAMILIES, *HOOKED, *FEATURES, *OURS]
GROUP_NORM = ["wavlm_local", "hubert_local", "wav2vec2_local", "hubert_debian_small"]
TOLERANCE = 1e-5  # relative to the largest value


@pytest.fixture(scope="session")
def paths(tmp_path_factory, checkpoints):
    return {**checkpoints, **write_all(tmp_path_factory.mktemp("hooked"), HOOKED)}


@pytest.fixture
def build(paths):
    def build(name, **kwargs):
        path = str(paths[name]) if name in paths else None
        return frozen_upstream(upstream=name.split(":")[0], path_or_url=path, **kwargs)

    return build


def utterances(*lengths):
    generator = torch.Generator().manual_seed(len(lengths))
    return [0.1 * torch.randn(n, generator=generator) + 0.05 for n in lengths]


def with_gradient(upstream, wavs):
    """Features of each utterance, and the gradient of a weighted sum of them."""
    batch = nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    # what stands behind the end of an utterance must not count either
    for row, wav in zip(batch, wavs, strict=True):
        row[len(wav) :] = 0.3
    batch = batch.requires_grad_()
    lengths = torch.tensor([len(wav) for wav in wavs])
    features = upstream(batch, lengths)
    total, states = 0.0, []
    for n, count in enumerate(features.lengths.tolist()):
        layers = {k: v[n, :count] for k, v in features.layers.items()}
        for layer in layers.values():
            generator = torch.Generator().manual_seed(layer.numel())
            weights = torch.randn(layer.shape, generator=generator)
            total = total + (layer * weights).sum() / layer.detach().abs().max()
        states.append(layers)
    (grad,) = torch.autograd.grad(total, batch)
    return states, [g[: len(wav)] for g, wav in zip(grad, wavs, strict=True)]


def assert_close(found, expected, tolerance=TOLERANCE):
    assert found.shape == expected.shape
    scale = expected.abs().max().clamp_min(1e-12)
    assert (found - expected).abs().max() <= tolerance * scale


def assert_alone_is_in_a_batch(upstream, lengths, tolerance=TOLERANCE):
    wavs = utterances(*lengths)
    together, gradients = with_gradient(upstream, wavs)
    for wav, states, gradient in zip(wavs, together, gradients, strict=True):
        (alone,), (expected,) = with_gradient(upstream, [wav])
        for layer, value in alone.items():
            assert_close(states[layer], value, tolerance)
        # sums of thousands of terms, in another order
        assert_close(gradient, expected, 10 * tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_features_and_gradient_are_those_of_the_utterance_alone(build, name):
    assert_alone_is_in_a_batch(build(name, layers="all"), [8000, 5003, 16007])
    if name in FAMILIES or name in OURS:
        assert_alone_is_in_a_batch(build(name, layers="conv"), [8000, 5003])


@pytest.mark.parametrize("name", [*GROUP_NORM, "data2vec_local", "whisper_tiny_en"])
@pytest.mark.parametrize("fs", [8000, 16000, 48000])
def test_it_holds_at_any_rate_and_for_short_utterances(build, name, fs):
    upstream = build(name, layers="all", fs=fs)
    assert_alone_is_in_a_batch(upstream, [fs // 2, fs // 100, fs // 3 + 1], 2e-5)


@pytest.mark.parametrize("name", [*GROUP_NORM, "fbank", "whisper_tiny_en"])
def test_padding_of_a_whole_batch_changes_nothing(build, name):
    upstream = build(name, layers="all")
    (wav,) = utterances(8000)
    longer = torch.cat([wav, torch.ones(4000)]).unsqueeze(0)
    with torch.no_grad():
        alone = upstream(wav.unsqueeze(0))
        padded = upstream(longer, torch.tensor([8000]))
    count = int(alone.lengths)
    assert padded.lengths.tolist() == [count]
    for layer, value in alone.layers.items():
        assert_close(padded.layers[layer][:, :count], value)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.integers(1, 6000), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
@pytest.mark.parametrize("name", ["hubert_local", "data2vec_local", "fbank"])
def test_loss_of_a_random_batch_is_that_of_its_utterances(paths, name, lengths, seed):
    loss = SSLDistance(UpstreamSpec(name, paths.get(name)), layers="all")
    generator = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    ref = 0.1 * torch.randn(shape, generator=generator)
    est = ref + 0.05 * torch.randn(shape, generator=generator)
    est.requires_grad_()
    together = loss(est, ref, torch.tensor(lengths))
    (gradient,) = torch.autograd.grad(together.sum(), est)
    for n, length in enumerate(lengths):
        one = est[n : n + 1, :length].detach().requires_grad_()
        alone = loss(one, ref[n : n + 1, :length])
        (expected,) = torch.autograd.grad(alone.sum(), one)
        torch.testing.assert_close(together[n : n + 1], alone, rtol=3e-5, atol=1e-7)
        # an utterance of one sample has the largest rounding error, 1.4e-3
        assert_close(gradient[n : n + 1, :length], expected, 3e-3)
        assert not gradient[n, length:].any()


# the normalisation itself


@pytest.mark.parametrize("frames", [[7, 3, 2], [600, 300, 256], [513, 513, 512]])
def test_norm_over_valid_frames_is_that_of_each_row_alone(frames):
    torch.manual_seed(0)
    norm = nn.GroupNorm(5, 5).double().requires_grad_(False)
    nn.init.normal_(norm.weight)
    x = torch.randn(3, max(frames), 5, dtype=torch.float64).transpose(1, 2)
    x.requires_grad_()
    y = ChannelNormGelu.apply(x, norm, torch.tensor(frames))
    weights = torch.randn_like(y)
    for n, count in enumerate(frames):
        weights[n, :, count:] = 0
    (gradient,) = torch.autograd.grad((y * weights).sum(), x)
    for n, count in enumerate(frames):
        row = x[n : n + 1, :, :count].detach().requires_grad_()
        alone = torch.nn.functional.gelu(norm(row))
        torch.testing.assert_close(y[n : n + 1, :, :count], alone)
        (g,) = torch.autograd.grad((alone * weights[n : n + 1, :, :count]).sum(), row)
        torch.testing.assert_close(gradient[n : n + 1, :, :count], g)
        assert not gradient[n, :, count:].any()


def test_norm_over_valid_frames_passes_the_numerical_gradient():
    norm = nn.GroupNorm(3, 3).double().requires_grad_(False)
    x = torch.randn(2, 3, 9, dtype=torch.float64, requires_grad=True)
    frames = torch.tensor([9, 4])  # frames behind the end have an output, too
    assert torch.autograd.gradcheck(lambda x: ChannelNormGelu.apply(x, norm, frames), x)


# s3prl's way, for those who compare


@pytest.mark.parametrize("name", [*FAMILIES, "distiller_local"])
def test_without_exact_padding_the_features_are_those_of_s3prl(build, paths, name):
    wavs = utterances(8000, 5003, 16007)
    batch = nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    upstream = build(name, layers="all", exact_padding=False)
    with torch.no_grad():
        ours = upstream(batch, torch.tensor([len(wav) for wav in wavs]))
        expert = getattr(s3prl_hub(), name.split(":")[0])(ckpt=str(paths[name])).eval()
        theirs = expert(wavs)["hidden_states"]
    for layer, expected in zip(ours.layers, theirs, strict=True):
        for n, count in enumerate(ours.lengths.tolist()):
            found = ours.layers[layer][n, :count]
            assert_close(found, expected[n, :count], 1e-4)


def test_losses_with_and_without_exact_padding_share_no_forward_pass(build):
    from espnet2_ext.ssl.memo import shared_forwards

    batch = nn.utils.rnn.pad_sequence(utterances(8000, 4000), batch_first=True)
    lengths = torch.tensor([8000, 4000])
    both = [build("hubert_local", layers=2, exact_padding=e) for e in (True, False)]
    with shared_forwards():
        exact, other = (upstream(batch, lengths).layers[2][1] for upstream in both)
    assert (exact - other).abs().max() > 1e-3


@pytest.mark.parametrize("value", ["false", 0, None])
def test_exact_padding_is_true_or_false(value):
    with pytest.raises(UserError, match="exact_padding"):
        UpstreamSpec("fbank", exact_padding=value)


def test_whisper_has_no_other_way():
    with pytest.raises(UserError, match="no other Whisper"):
        FrozenUpstream(UpstreamSpec("whisper_tiny_en", exact_padding=False))


# which names there are


def test_every_name_of_s3prl_is_tested_here_refused_or_needs_a_download(monkeypatch):
    def offline(*args, **kwargs):
        raise ConnectionError("offline")

    monkeypatch.setattr("socket.create_connection", offline)
    monkeypatch.setattr("socket.socket.connect", offline)
    assert upstream_names() < set(s3prl_hub().options())
    built, refused = set(), []
    for name in upstream_names():
        try:
            FrozenUpstream(name, layers="all").load()
            built.add(name)
        except UserError as error:
            refused.append(str(error))
    assert built == {*FEATURES, *OURS}
    needs = ("offline", "needs path_or_url", "turns the waveform", "cannot be loaded")
    assert [said for said in refused if not any(n in said for n in needs)] == []


@pytest.mark.parametrize("name", ["Path", "FileLock", "load_and_convert_fairseq_ckpt"])
def test_what_the_hub_imports_for_itself_is_no_upstream(name):
    assert name in s3prl_hub().options()
    with pytest.raises(UserError, match=f"Unknown upstream '{name}'"):
        FrozenUpstream(name)
