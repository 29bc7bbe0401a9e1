"""The loss for a plain PyTorch loop: each argument is used."""

import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss.functional import FeatureDistance
from espnet2_ext.enh.loss.ssl_distance import LayerDistances
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.loading import s3prl_hub
from espnet2_ext.ssl.spec import UpstreamSpec
from tests.conftest import ROOT
from tests.flat import ssl_distance
from tests.ssl.helpers import Gain


@pytest.fixture
def conf(checkpoints):
    path = str(checkpoints["wavlm_local:large"])  # blind to padding
    return {"upstream": "wavlm_local", "path_or_url": path, "layers": 2}


@pytest.fixture
def noisy(speech_like):
    generator = torch.Generator().manual_seed(2)
    return speech_like + 0.05 * torch.randn(speech_like.shape, generator=generator)


def test_distance_and_normalisation_are_those_asked_for(conf, speech_like, noisy):
    plain = ssl_distance(**conf)
    est, ref = (plain.upstream(wav).layers[2] for wav in (noisy, speech_like))
    expected = {
        ("mse", "none"): (est - ref).square().mean(dim=(1, 2)),
        ("l1", "none"): (est - ref).abs().mean(dim=(1, 2)),
        ("mse", "l2"): (F.normalize(est, dim=-1) - F.normalize(ref, dim=-1))
        .square()
        .mean(dim=(1, 2)),
    }
    for (distance, normalize), value in expected.items():
        ours = ssl_distance(**conf, distance=distance, normalize=normalize)
        torch.testing.assert_close(ours(noisy, speech_like), value)


def test_gradient_reaches_the_estimate_only(conf, speech_like, noisy):
    est, ref = noisy.clone().requires_grad_(), speech_like.clone().requires_grad_()
    ssl_distance(**conf)(est, ref).sum().backward()
    assert est.grad.abs().max() > 0
    assert ref.grad is None


def test_no_graph_is_kept_of_the_clean_speech(conf, speech_like, noisy, monkeypatch):
    distance = ssl_distance(**conf)
    upstream, graphs = distance.upstream, []

    def watched(wav, lengths, depth):
        graphs.append((wav is speech_like, torch.is_grad_enabled()))
        return run(wav, lengths, depth)

    run = upstream._states
    monkeypatch.setattr(upstream, "_states", watched)
    distance.per_layer(noisy, speech_like)
    assert graphs == [(True, False), (False, True)]


def test_samples_beyond_the_length_do_not_count(conf, speech_like, noisy):
    est, ref = noisy.clone(), speech_like.clone()
    est[:, 14000:] = ref[:, 14000:] = 0
    distance = ssl_distance(**conf)
    padded = distance(est, ref, torch.tensor([14000, 14000]))
    alone = distance(est[:, :14000], ref[:, :14000])
    torch.testing.assert_close(padded, alone, rtol=1e-3, atol=1e-6)
    assert not torch.allclose(distance(est, ref), alone, rtol=1e-2)


def test_upstream_gets_every_argument(conf, tmp_path):
    extra = {"refresh": False}
    upstream = ssl_distance(
        **conf, download_dir=str(tmp_path), extra_conf=extra, fs=8000
    ).upstream
    assert upstream.fs == 8000
    assert upstream.spec == UpstreamSpec(
        "wavlm_local", conf["path_or_url"], str(tmp_path), extra
    )


# distances with parameters


def test_distance_with_parameters_is_used(conf, speech_like, noisy):
    spec = {"name": "soft_dtw", "gamma": 0.5, "band": 3}
    ours = ssl_distance(**conf, distance=spec, normalize="layer_norm")
    est, ref = (ours.upstream(wav).layers[2] for wav in (noisy, speech_like))
    mask = torch.ones(est.shape[:2], dtype=torch.bool)
    expected = FeatureDistance(spec, "layer_norm")(est, ref, mask)
    torch.testing.assert_close(ours(noisy, speech_like), expected)


def test_units_of_one_layer_are_learned_from(conf, speech_like, noisy, tmp_path):
    states = ssl_distance(**conf).upstream(speech_like).layers[2]
    torch.save(states.flatten(0, 1)[::30].clone(), tmp_path / "units.pt")
    spec = {"name": "unit_cross_entropy", "centroids": str(tmp_path / "units.pt")}
    loss = ssl_distance(**conf, distance=spec)
    assert (loss(noisy, speech_like) > loss(speech_like, speech_like)).all()


@pytest.mark.parametrize("layers", ["all", "later_half", [1, 2], "1-2"])
def test_units_need_one_layer(conf, centroids, layers):
    spec = {"name": "unit_cross_entropy", "centroids": str(centroids)}
    with pytest.raises(UserError, match="centroids belong to one layer"):
        ssl_distance(**{**conf, "layers": layers}, distance=spec)
    for single in (2, "last", "conv", [1]):
        ssl_distance(**{**conf, "layers": single}, distance=spec)


# what training steps alone do


def test_running_statistics_learn_in_training_steps_only(conf, speech_like, noisy):
    loss = ssl_distance(**conf, normalize="running")
    moments = loss.compare._normalize.moments
    loss(noisy, speech_like)
    with torch.no_grad():
        loss(noisy.clone().requires_grad_(), speech_like)
    assert moments == {}
    loss(noisy.clone().requires_grad_(), speech_like)
    clean = loss.upstream(speech_like).layers[2].flatten(0, 1)
    torch.testing.assert_close(moments[2].mean, clean.mean(0), rtol=1e-4, atol=1e-5)
    evaluated = loss(noisy, speech_like)
    loss(noisy, 3 * noisy)
    assert torch.equal(loss(noisy, speech_like), evaluated)


def test_random_layers_are_drawn_in_training_steps_only(conf, speech_like, noisy):
    loss = ssl_distance(**{**conf, "layers": {"random": 1, "of": [1, 2, 3]}})
    whole = loss.per_layer(noisy, speech_like)
    assert list(whole.layers) == [1, 2, 3]
    torch.manual_seed(0)
    est, drawn = noisy.clone().requires_grad_(), []
    for _ in range(8):
        part = loss.per_layer(est, speech_like)
        drawn += part.layers
        for layer, value in part.layers.items():
            torch.testing.assert_close(value, whole.layers[layer])
            torch.testing.assert_close(loss.weighted(part), whole.layers[layer])
    assert set(drawn) == {1, 2, 3}
    assert len(drawn) == 8


def test_mean_over_draws_is_the_loss_of_all_layers(conf, speech_like, noisy):
    weights = {1: 0.2, 2: 0.3, 3: 0.5}
    loss = ssl_distance(**{**conf, "layers": {"random": 1, "of": weights}})
    whole = loss.per_layer(noisy, speech_like)
    draws = [
        loss.weighted(LayerDistances({layer: value}, training=False))
        for layer, value in whole.layers.items()
    ]
    torch.testing.assert_close(sum(draws) / 3, loss.weighted(whole))


def test_layers_by_uncertainty_learn_in_training_steps_only(conf, speech_like, noisy):
    loss = ssl_distance(**{**conf, "layers": {"uncertainty": {1: 1, 2: 3}}})
    found = loss.per_layer(noisy, speech_like).layers
    each = {n: d.detach() for n, d in found.items()}
    est = noisy.clone().requires_grad_()
    found = loss(est, speech_like)
    scaled = {n: d / d.mean() + d.mean().log() for n, d in each.items()}
    torch.testing.assert_close(found, 0.25 * scaled[1] + 0.75 * scaled[2])
    expected = loss.uncertainty.expected.value
    with torch.no_grad():
        worse = loss(2 * noisy - speech_like, speech_like)
    assert torch.equal(loss.uncertainty.expected.value, expected)
    assert (worse > found).all()
    loss(2 * est - speech_like, speech_like)
    assert (loss.uncertainty.expected.value > expected).all()


def test_without_uncertainty_no_expectation_is_kept(conf, speech_like, noisy):
    loss = ssl_distance(**conf)
    loss(noisy.clone().requires_grad_(), speech_like)
    assert loss.uncertainty.expected.value is None


@pytest.fixture
def gain(monkeypatch):
    """An upstream with a frame a sample and no context: its features shift exactly."""
    monkeypatch.setattr(s3prl_hub(), "gain", Gain, raising=False)
    return "gain"


@pytest.fixture
def heard(monkeypatch):
    """Record how many samples of silence were put before each reference."""
    calls, pad = [], F.pad

    def recording(wav, amount, *rest, **kwargs):
        if wav.dim() == 2 and amount[0] > 0:
            calls.append(amount[0])
        return pad(wav, amount, *rest, **kwargs)

    monkeypatch.setattr(F, "pad", recording)
    return calls


def test_padded_reference_is_compared_frame_by_frame(gain, heard, speech_like, noisy):
    loss = SSLDistance(gain, layers=0, pad_reference=50)
    torch.manual_seed(0)
    lengths = torch.tensor([24000, 14000])
    expected = SSLDistance(gain, layers=0)(noisy, speech_like, lengths)
    est = noisy.clone().requires_grad_()
    for given in (lengths, lengths, None):
        value = loss(est, speech_like, given)
        if given is not None:
            torch.testing.assert_close(value, expected)
    assert len(set(heard)) > 1
    assert all(1 <= samples <= 50 for samples in heard)


def test_padding_of_the_reference_covers_its_range_in_training_only(
    gain, heard, speech_like, noisy
):
    loss = SSLDistance(gain, layers=0, pad_reference=3)
    est = noisy.clone().requires_grad_()
    for _ in range(30):
        loss(est, speech_like)
    assert set(heard) == {1, 2, 3}
    heard.clear()
    loss(noisy, speech_like)
    with torch.no_grad():
        loss(est, speech_like)
    SSLDistance(gain, layers=0)(est, speech_like)
    assert heard == []


def test_reference_is_shifted_by_the_hop_of_the_upstream(
    conf, heard, speech_like, noisy
):
    loss = ssl_distance(**conf, pad_reference=1, fs=8000)
    whole = loss.load().upstream(speech_like).layers[2].size(1)
    loss(noisy.clone().requires_grad_(), speech_like)
    assert max(heard) == 160  # resampling pads too, by less
    shifted = loss._clean(speech_like, None, None, 1)
    assert shifted.layers[2].size(1) == whole == int(shifted.lengths.max())


def test_convolutions_of_a_shifted_reference_are_the_same(tmp_path, speech_like):
    from tests.tiny_checkpoints import wavlm

    # without GroupNorm or normalised audio, which see the silence
    wavlm(tmp_path / "wavlm.pt", extractor_mode="layer_norm")
    loss = SSLDistance(
        UpstreamSpec("wavlm_local", str(tmp_path / "wavlm.pt")), layers="conv"
    )
    plain, shifted = (loss._clean(speech_like, None, None, n) for n in (0, 5))
    assert torch.equal(plain.lengths, shifted.lengths)
    torch.testing.assert_close(shifted.layers, plain.layers, rtol=1e-4, atol=1e-5)


def test_padding_needs_a_whole_number_of_samples_a_frame(conf):
    with pytest.raises(UserError, match="no whole number of samples at 11025 Hz"):
        ssl_distance(**conf, fs=11025, pad_reference=2).load()
    ssl_distance(**conf, fs=11025).load()


@pytest.mark.parametrize("frames", [-1, 1.5, True, "3", None])
def test_padding_is_a_number_of_frames(conf, frames):
    with pytest.raises(UserError, match="pad_reference must be a number of frames"):
        ssl_distance(**conf, pad_reference=frames)


def test_draws_follow_the_seed_that_torch_has_at_the_first(
    conf, heard, speech_like, noisy
):
    settings = {**conf, "layers": {"random": 2, "of": "all"}, "pad_reference": 9}
    est, seen = noisy.clone().requires_grad_(), []
    for seed in (3, 3, 4):
        loss = ssl_distance(**settings).load()
        torch.manual_seed(seed)
        torch.rand(seed)  # how far torch's own stream is does not count
        drawn = [list(loss.per_layer(est, speech_like).layers) for _ in range(6)]
        seen.append((drawn, heard.copy()))
        heard.clear()
    assert seen[0] == seen[1] != seen[2]


def test_draws_go_on_from_their_state(conf, heard, speech_like, noisy):
    settings = {**conf, "layers": {"random": 2, "of": "all"}, "pad_reference": 9}
    est = noisy.clone().requires_grad_()
    whole, first, second = (ssl_distance(**settings) for _ in range(3))

    def steps(loss, count):
        heard.clear()
        found = [list(loss.per_layer(est, speech_like).layers) for _ in range(count)]
        return found, [*heard]

    torch.manual_seed(5)
    drawn, paddings = steps(whole, 6)
    torch.manual_seed(5)
    assert second.draws.state_dict() == {}
    before = steps(first, 3)
    torch.manual_seed(77)
    second.draws.load_state_dict(first.draws.state_dict())
    after = steps(second, 3)
    assert before[0] + after[0] == drawn
    assert before[1] + after[1] == paddings


# the import


def test_import_needs_neither_espnet_nor_s3prl():
    code = (
        "import sys\n"
        "for name in ('espnet', 'espnet2', 's3prl'): sys.modules[name] = None\n"
        "from espnet2_ext.enh.loss import SSLDistance\n"
        "SSLDistance('whisper_tiny_en', layers=[1, 'conv'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "module", ["ssl.upstream", "ssl.blocks", "ssl.spec", "enh.loss", "enh.fragment"]
)
def test_modules_can_be_imported_in_any_order(module):
    command = [sys.executable, "-c", f"import espnet2_ext.{module}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
