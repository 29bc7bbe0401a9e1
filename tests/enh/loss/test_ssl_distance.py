"""The loss for a plain PyTorch loop: each argument is used."""

import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.enh.loss.ssl_distance import SSLDistance


@pytest.fixture
def conf(checkpoints):
    path = str(checkpoints["wavlm_local:large"])  # blind to padding
    return {"upstream": "wavlm_local", "path_or_url": path, "layers": 2}


@pytest.fixture
def noisy(speech_like):
    generator = torch.Generator().manual_seed(2)
    return speech_like + 0.05 * torch.randn(speech_like.shape, generator=generator)


def test_distance_and_normalisation_are_those_asked_for(conf, speech_like, noisy):
    plain = SSLDistance(**conf)
    est, ref = (plain.upstream(wav).layers[2] for wav in (noisy, speech_like))
    expected = {
        ("mse", "none"): (est - ref).square().mean(dim=(1, 2)),
        ("l1", "none"): (est - ref).abs().mean(dim=(1, 2)),
        ("mse", "l2"): (F.normalize(est, dim=-1) - F.normalize(ref, dim=-1))
        .square()
        .mean(dim=(1, 2)),
    }
    for (distance, normalize), value in expected.items():
        ours = SSLDistance(**conf, distance=distance, normalize=normalize)
        torch.testing.assert_close(ours(noisy, speech_like), value)


def test_gradient_reaches_the_estimate_only(conf, speech_like, noisy):
    est, ref = noisy.clone().requires_grad_(), speech_like.clone().requires_grad_()
    SSLDistance(**conf)(est, ref).sum().backward()
    assert est.grad.abs().max() > 0
    assert ref.grad is None


def test_no_graph_is_kept_of_the_clean_speech(conf, speech_like, noisy, monkeypatch):
    distance = SSLDistance(**conf)
    upstream, graphs = distance.upstream, []

    def watched(wav, lengths):
        graphs.append((wav is speech_like, torch.is_grad_enabled()))
        return upstream(wav, lengths)

    monkeypatch.setattr(distance, "upstream", watched)
    distance.per_layer(noisy, speech_like)
    assert graphs == [(True, False), (False, True)]


def test_samples_beyond_the_length_do_not_count(conf, speech_like, noisy):
    est, ref = noisy.clone(), speech_like.clone()
    est[:, 14000:] = ref[:, 14000:] = 0
    distance = SSLDistance(**conf)
    padded = distance(est, ref, torch.tensor([14000, 14000]))
    alone = distance(est[:, :14000], ref[:, :14000])
    torch.testing.assert_close(padded, alone, rtol=1e-3, atol=1e-6)
    assert not torch.allclose(distance(est, ref), alone, rtol=1e-2)


def test_upstream_gets_every_argument(conf, tmp_path):
    extra = {"options_config": None}
    upstream = SSLDistance(
        **conf, download_dir=str(tmp_path), extra_conf=extra, fs=8000
    ).upstream
    assert upstream.fs == 8000
    assert upstream._shared.options == {
        "path_or_url": conf["path_or_url"],
        "download_dir": str(tmp_path),
        "extra_conf": extra,
    }
