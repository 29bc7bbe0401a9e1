"""Gradients of degenerate input are at most 1e4 times those of ordinary input."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss import functional as f
from espnet2_ext.enh.loss.bounded import bounded_cosine, bounded_ratio, unit_vectors
from espnet2_ext.enh.loss.normalization import NORMALIZATIONS
from tests.enh.loss.conftest import DIM

BOUND = 1e4
NEED_MORE = ("unit_cross_entropy", "ctc")  # centroids; no normalisation
DISTANCES, NORMS = sorted(f.DISTANCES), sorted(NORMALIZATIONS)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def gradient(compare, est, ref, mask=None):
    est = est.clone().requires_grad_()
    mask = torch.ones(est.shape[:2], dtype=torch.bool) if mask is None else mask
    loss = compare(est, ref, mask, update=True)
    assert torch.isfinite(loss).all()
    (found,) = torch.autograd.grad(loss.sum(), est)
    assert torch.isfinite(found).all()
    return found.norm().item()


EST, REF = noise(2, 7, DIM), noise(2, 7, DIM, seed=1)
ZERO, SAME = torch.zeros_like(EST), REF[:, :1].expand_as(REF)
DENORMAL = torch.finfo(torch.float32).tiny / 16
DEGENERATE = {
    "silent estimate": (ZERO, REF),
    "silent reference": (EST, ZERO),
    "both silent": (ZERO, ZERO),
    "constant estimate": (EST[:, :1].expand_as(EST), REF),
    "constant reference": (EST, SAME),
    "both constant": (SAME + 1, SAME),
    "the same constant": (SAME, SAME),
    "all features alike": (torch.ones_like(EST), REF),
    "identical": (REF, REF),
    "opposite": (-REF, REF),
    "one frame": (EST[:, :1], REF[:, :1]),
    "one silent frame": (ZERO[:, :1], REF[:, :1]),
    "one frame, identical": (REF[:, :1], REF[:, :1]),
    "a silent frame": (torch.cat([ZERO[:, :1], EST[:, 1:]], 1), REF),
    "a feature that is off": (torch.cat([ZERO[..., :1], EST[..., 1:]], 2), REF),
    "tiny estimate": (1e-20 * EST, REF),
    "tiny reference": (EST, 1e-20 * REF),
    "both tiny": (1e-20 * EST, 1e-20 * REF),
    "denormal estimate": (DENORMAL * EST, REF),
    "denormal reference": (EST, DENORMAL * REF),
    "both denormal": (DENORMAL * EST, DENORMAL * REF),
    "nearly identical": (REF + 1e-6 * EST, REF),
    "tiny beside an offset": (1 + 1e-20 * EST, REF),
}
HUGE = {
    "huge estimate": (1e4 * EST, REF),
    "huge reference": (EST, 1e4 * REF),
    "both huge": (1e4 * EST, 1e4 * REF),
    "huge offset": (EST + 1e4, REF),
    "silent beside a huge one": (ZERO, 1e4 * REF),
    "huge beside silence": (1e4 * EST, ZERO),
}


@pytest.mark.parametrize("kind", [*DEGENERATE, *HUGE])
@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", DISTANCES)
def test_gradient_is_bounded(distance, normalize, kind, spec):
    def compare():
        return f.FeatureDistance(spec(distance), normalize)

    est, ref = {**DEGENERATE, **HUGE}[kind]
    n = est.size(1)  # one frame has a seventh of the mean that seven have
    ordinary = max(gradient(compare(), EST[:, :k], REF[:, :k]) for k in (7, n))
    assert ordinary > 0
    # squares grow with the difference, as they should
    largest = max(float(x.abs().max()) for x in (est, ref))
    scale = 10 * largest if kind in HUGE else 1.0
    assert gradient(compare(), est, ref) <= BOUND * ordinary * scale


@pytest.mark.parametrize("distance", DISTANCES)
@settings(deadline=None, max_examples=25)
@given(
    scales=st.tuples(*2 * [st.floats(-30, 3)]),
    offsets=st.tuples(*2 * [st.sampled_from([0.0, 1.0, 100.0])]),
    frames=st.integers(1, 7),
    valid=st.integers(0, 7),
)
def test_no_level_offset_or_length_sends_more(
    centroids, distance, scales, offsets, frames, valid
):
    given_spec = {"name": distance}
    if distance == "unit_cross_entropy":
        given_spec["centroids"] = str(centroids)
    compare = f.FeatureDistance(given_spec)
    est, ref = (
        (10**scale * x + offset)[:, :frames]
        for x, scale, offset in zip((EST, REF), scales, offsets, strict=True)
    )
    mask = torch.arange(frames).expand(2, -1) < valid
    size = max(1.0, *(float(x.abs().max()) for x in (est, ref)))
    bound = BOUND * gradient(compare, EST, REF) * size
    assert gradient(compare, est, ref, mask) <= bound


# the floors themselves


@pytest.mark.parametrize("level", [1e-2, 1.0, 1e4])
def test_ordinary_vectors_have_torchs_values(level):
    est, ref = level * noise(4, 768), level * noise(4, 768, seed=1)
    units = unit_vectors(est, ref)
    for got, x in zip(units, (est, ref), strict=True):
        torch.testing.assert_close(got, F.normalize(x, dim=-1), rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(
        bounded_cosine(est, ref), F.cosine_similarity(est, ref), rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize(("level", "kept"), [(0.06, 1.0), (0.05, 1.0), (0.025, 0.5)])
def test_estimate_below_the_floor_counts_in_proportion(level, kept):
    ref = noise(4, 768)
    value = bounded_cosine(level * ref, ref)
    torch.testing.assert_close(value, torch.full((4,), kept))


def test_ratio_has_a_floor_where_the_reference_is_silent_only():
    one, none = torch.ones(1), torch.zeros(1)
    assert bounded_ratio(one, torch.tensor([2e-3]), one).item() == pytest.approx(500)
    assert bounded_ratio(one, none, one).item() == pytest.approx(1000)
    assert bounded_ratio(none, none, none).item() == 0.0


# through an upstream


WAV, CLEAN = 0.1 * noise(1, 6000), 0.1 * noise(1, 6000, seed=1)
SILENCE = torch.zeros_like(WAV)
HEARD = {
    "silent estimate": (SILENCE, CLEAN),
    "silent reference": (WAV, SILENCE),
    "both silent": (SILENCE, SILENCE),
    "constant estimate": (SILENCE + 0.1, CLEAN),
    "identical": (CLEAN, CLEAN),
    "one frame": (WAV[:, :400], CLEAN[:, :400]),
    "tiny estimate": (1e-20 * WAV, CLEAN),
    "both tiny": (1e-20 * WAV, 1e-20 * CLEAN),
}


@pytest.mark.parametrize("upstream", ["hubert_debian_small", "fbank"])
@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", [d for d in DISTANCES if d not in NEED_MORE])
def test_gradient_of_the_waveform_is_bounded(distance, normalize, upstream):
    # of trained models: one of random weights may itself multiply silence by 1e6
    def waveform_gradient(est, ref):
        loss = SSLDistance(
            upstream, layers="last", distance=distance, normalize=normalize
        )
        est = est.clone().requires_grad_()
        (found,) = torch.autograd.grad(loss(est, ref).sum(), est)
        assert torch.isfinite(found).all()
        return found.norm().item()

    kept = SSLDistance(upstream).load()  # else each would read the weights again
    ordinary = waveform_gradient(WAV, CLEAN)
    assert kept.upstream.weights
    for kind, pair in HEARD.items():
        assert waveform_gradient(*pair) <= BOUND * ordinary, kind
