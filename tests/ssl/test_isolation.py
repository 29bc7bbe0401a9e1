"""Loading and running an upstream: the caller's modes do not count, nor do ours after.

The random state is the caller's: a system with the loss draws what one without draws.
"""

import contextlib
import copy
import random
import threading

import numpy as np
import pytest
import torch
from torch import nn

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.ssl.isolation import own_conditions, own_random_state, usual_defaults
from espnet2_ext.ssl.loading import build_upstream, s3prl_hub
from espnet2_ext.ssl.memo import shared_forwards
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from espnet2_ext.superb.features import Extractor
from tests.flat import ssl_distance
from tests.ssl.helpers import Gain, module_of
from tests.tiny_checkpoints import distiller


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def deterministic():
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)


MODES = {
    "plain": contextlib.nullcontext,
    "no_grad": torch.no_grad,
    "grad is off": lambda: torch.set_grad_enabled(False),
    "inference": torch.inference_mode,
    "autocast bfloat16": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast float16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "meta device": lambda: torch.device("meta"),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True),
    "deterministic": deterministic,
}


@pytest.fixture
def distilled(tmp_path):
    """Settings of an upstream that runs by s3prl's own forward pass."""
    distiller(tmp_path / "distiller.pt")
    return {
        "upstream": "distiller_local",
        "path_or_url": str(tmp_path / "distiller.pt"),
    }


@pytest.fixture(params=["hubert_debian_small", "whisper_tiny_en", "fbank", "distiller"])
def settings(request):
    if request.param == "distiller":
        return request.getfixturevalue("distilled")
    return {"upstream": request.param}


def state():
    return (
        torch.random.get_rng_state().tolist(),
        repr(np.random.get_state()),
        random.getstate(),
    )


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(1, 6000, generator=generator) for _ in range(2)]


def trained(loss, est, ref):
    est = est.clone().requires_grad_()
    value = loss(est, ref)
    value.sum().backward()
    return value.detach(), est.grad


@pytest.mark.parametrize("mode", MODES)
def test_first_use_may_be_in_any_mode(settings, mode, pair):
    expected = trained(ssl_distance(**settings, layers="all"), *pair)
    before = state()
    with MODES[mode]():
        loss = ssl_distance(**settings, layers="all")
        dtype, device = torch.get_default_dtype(), torch.get_default_device()
        first = loss(*pair)
        assert (torch.get_default_dtype(), torch.get_default_device()) == (
            dtype,
            device,
        )
        module = module_of(loss.upstream)
    assert state() == before
    assert first.dtype == torch.float32
    tolerance = 0.1 if "autocast" in mode else 1e-6
    torch.testing.assert_close(
        first.detach().clone(), expected[0], rtol=tolerance, atol=1e-6
    )
    for part in (*module.parameters(), *module.buffers()):
        assert not part.is_inference()
        assert not part.requires_grad
        assert part.device.type == "cpu"
        assert part.dtype not in (torch.float64, torch.float16, torch.bfloat16)
    # the same loss, then one made anew on the same upstream
    for again in (loss, ssl_distance(**settings, layers="all")):
        torch.testing.assert_close(trained(again, *pair), expected)


@pytest.mark.parametrize("mode", ["inference", "no_grad", "float64", "meta device"])
@pytest.mark.parametrize("normalize", ["none", "running"])
def test_every_use_may_be_in_any_mode(mode, normalize, pair):
    loss = SSLDistance("fbank", layers="all", normalize=normalize)
    trained(loss, *pair)
    expected = loss(*pair)
    with MODES[mode]():
        for _ in range(2):
            assert torch.equal(loss(*pair), expected)
    value, grad = trained(loss, *pair)
    torch.testing.assert_close(value, expected)
    assert grad.abs().max() > 0


def test_losses_share_a_step_in_inference_mode(pair):
    losses = [SSLDistance("fbank", layers="all") for _ in range(2)]
    expected = losses[0](*pair)
    with torch.inference_mode(), shared_forwards():
        made_there = [wav.clone() for wav in pair]
        for loss in losses:
            torch.testing.assert_close(loss(*made_there), expected)
            made_there[0].copy_(pair[1])  # is noticed
            assert not torch.allclose(loss(*made_there), expected)
            made_there[0].copy_(pair[0])


@pytest.mark.parametrize("distance", ["mse", "cosine", "cka", "sinkhorn", "soft_dtw"])
def test_clean_speech_made_in_inference_mode_serves_a_training(distance, pair):
    loss = SSLDistance("fbank", layers="all", distance=distance)
    with torch.inference_mode():
        ref = pair[1].clone()
    expected = trained(loss, *pair)
    torch.testing.assert_close(trained(loss, pair[0], ref), expected)


class Drawing(Gain):
    """An expert that draws from every stream, when it is made and when it runs."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.extra = nn.Linear(3, 3)
        self.offset = np.random.rand() + random.random()

    def forward(self, wavs):
        (states,) = super().forward(wavs)["hidden_states"]
        noise = torch.randn(states.shape) + np.random.rand() + random.random()
        return {"hidden_states": [states + self.offset + 0.1 * noise]}


@pytest.fixture
def drawing(monkeypatch):
    monkeypatch.setattr(s3prl_hub(), "drawing", Drawing, raising=False)
    return "drawing"


def test_upstream_that_draws_leaves_the_random_state_alone(drawing, pair):
    before = state()
    upstream = FrozenUpstream(drawing)
    first = upstream(pair[0]).layers[0]
    assert torch.equal(upstream(pair[0]).layers[0], first)
    extractor = Extractor(UpstreamSpec(drawing, tag="x"))
    assert np.array_equal(extractor(pair[0][0]), extractor(pair[0][0]))
    assert state() == before
    # what is loaded does not depend on it either
    del upstream
    torch.manual_seed(77)
    assert torch.equal(FrozenUpstream(drawing)(pair[0]).layers[0], first)


def test_training_with_the_loss_draws_what_one_without_does(distilled, pair):
    def crops(loss):
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        found = []
        for _ in range(3):
            if loss is not None:
                trained(loss, *pair)
            found.append((torch.rand(()).item(), np.random.rand(), random.random()))
        return found

    layers = {"random": 1, "of": "all"}
    loss = ssl_distance(**distilled, layers=layers, pad_reference=5)
    assert crops(loss) == crops(None)


def fail_after_drawing():
    torch.rand(3, device="cpu")
    np.random.rand()
    random.random()
    raise KeyError


def test_state_is_put_back_after_an_error():
    before = state()
    with pytest.raises(KeyError), own_conditions(), own_random_state():
        fail_after_drawing()
    assert state() == before
    with pytest.raises(KeyError), usual_defaults(torch.device("meta")):
        fail_after_drawing()
    assert torch.get_default_dtype() == torch.float32
    assert torch.zeros(()).device.type == "cpu"


def test_threads_that_load_at_once_put_the_defaults_back(monkeypatch):
    monkeypatch.setattr(s3prl_hub(), "drawing", Drawing, raising=False)
    before, ready = state(), threading.Barrier(4)

    def load(number):
        ready.wait()
        build_upstream(UpstreamSpec("drawing", extra_conf={"gain": float(number)}))

    with default_dtype(torch.float64):
        threads = [threading.Thread(target=load, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert torch.get_default_dtype() == torch.float64
    assert state() == before


def test_draws_of_a_copy_go_on_from_there():
    loss = SSLDistance("fbank", layers={"random": 1, "of": [0]}, pad_reference=9)
    loss.draws.integer(1, 9)
    other = copy.deepcopy(loss)
    draws = [[x.draws.integer(1, 1000) for _ in range(5)] for x in (loss, other)]
    assert draws[0] == draws[1]
