import math

import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.enh.loss import functional as f
from espnet2_ext.enh.loss.normalization import NORMALIZATIONS
from espnet2_ext.enh.loss.parameters import bind_parameters
from espnet2_ext.errors import UserError

ALL = sorted(f.DISTANCES)
NORMS = sorted(NORMALIZATIONS)
# a softmax over frames or units is nowhere certain
NEVER_ZERO = {"ctc", "info_nce", "speech_bert_score", "unit_cross_entropy"}
ZERO_AT_IDENTITY = sorted({*ALL} - NEVER_ZERO)
FRAME_BY_FRAME = ["cosine", "l1", "log_mse", "mse", "relative_l2", "smooth_l1"]


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("mse", (1 + 4) / 2),
        ("log_mse", math.log(1 + 2.5e6)),
        ("l1", (1 + 2) / 2),
        ("smooth_l1", (0.5 + 1.5) / 2),
        ("cosine", 1 - 3 / (2**0.5 * 5**0.5)),
        ("relative_l2", (1 + 4) / (1 + 1)),
    ],
)
def test_closed_form_of_one_frame(distance, expected):
    est, ref = torch.tensor([[[2.0, -1.0]]]), torch.tensor([[[1.0, 1.0]]])
    if distance == "cosine":
        est = torch.tensor([[[1.0, 2.0]]])
    mask = torch.ones(1, 1, dtype=torch.bool)
    got = f.feature_distance(est, ref, mask, distance)
    assert got.item() == pytest.approx(expected, rel=1e-6)


def oracle(distance, est, ref):
    """One utterance (F, D) by torch's own losses."""
    if distance == "mse":
        return F.mse_loss(est, ref)
    if distance == "log_mse":
        return torch.log(F.mse_loss(est, ref) + 1e-6) - math.log(1e-6)
    if distance == "l1":
        return F.l1_loss(est, ref)
    if distance == "smooth_l1":
        return F.smooth_l1_loss(est, ref)
    if distance == "relative_l2":
        return (torch.linalg.norm(est - ref) / torch.linalg.norm(ref)) ** 2
    unit = [x / torch.linalg.norm(x, dim=-1, keepdim=True) for x in (est, ref)]
    return 0.5 * (unit[0] - unit[1]).square().sum(-1).mean()


@pytest.mark.parametrize("distance", FRAME_BY_FRAME)
def test_agrees_with_torch_on_each_unpadded_utterance(distance, features):
    est, ref, mask = features
    got = f.feature_distance(est, ref, mask, distance)
    for b, n in enumerate([7, 4, 3]):
        torch.testing.assert_close(got[b], oracle(distance, est[b, :n], ref[b, :n]))


@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", ALL)
def test_zero_at_identity_and_positive_elsewhere(distance, normalize, features, spec):
    est, ref, mask = features
    compare = f.FeatureDistance(spec(distance), normalize)
    same = compare(ref, ref, mask)
    if distance in ZERO_AT_IDENTITY:
        torch.testing.assert_close(same, torch.zeros(3), atol=1e-6, rtol=0)
    assert (compare(est, ref, mask) > same.clamp_min(1e-3)).all()


@pytest.mark.parametrize("distance", ALL)
def test_padding_and_batch_mates_do_not_count(distance, features, spec):
    est, ref, mask = features
    compare = f.FeatureDistance(spec(distance))
    whole = compare(est, ref, mask)
    for value in (1e6, float("nan")):
        changed = [x.masked_fill(~mask.unsqueeze(-1), value) for x in (est, ref)]
        torch.testing.assert_close(compare(*changed, mask), whole)
    alone = compare(est[1:2, :4], ref[1:2, :4], mask[1:2, :4])
    torch.testing.assert_close(alone[0], whole[1])


@pytest.mark.parametrize("distance", ALL)
def test_grows_with_the_error(distance, features, spec):
    est, ref, mask = features
    compare = f.FeatureDistance(spec(distance))
    # a frame may first move towards the centre of its unit
    steps = (0.1, 0.2, 0.4) if distance in ZERO_AT_IDENTITY else (0.1, 0.4)
    values = torch.stack([compare(ref + a * (est - ref), ref, mask) for a in steps])
    assert (values.diff(dim=0) > 0).all()


@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", ALL)
def test_gradient_reaches_the_estimate_only(distance, normalize, features, spec):
    est, ref, mask = (x.clone() for x in features)
    est.requires_grad_()
    ref.requires_grad_()
    compare = f.FeatureDistance(spec(distance), normalize)
    compare(est, ref, mask, update=True).sum().backward()
    assert ref.grad is None
    assert torch.isfinite(est.grad).all()
    assert (est.grad[mask].abs().sum(-1) > 0).all()
    assert (est.grad[~mask] == 0).all()


@pytest.mark.parametrize("distance", ALL)
def test_gradient_agrees_with_finite_differences(distance, features, spec):
    est, ref, mask = features
    # the gradient of sinkhorn is exact where it has converged
    parameters = {"epsilon": 1.0, "iterations": 200} if distance == "sinkhorn" else {}
    measure = bind_parameters(spec(distance, **parameters), f.DISTANCES)
    est, ref = est.double().requires_grad_(), ref.double()
    assert torch.autograd.gradcheck(measure, (est, ref, mask))


@pytest.mark.parametrize("distance", ALL)
def test_utterance_without_valid_frames_gives_zero(distance, features, spec):
    est, ref, mask = features
    est.requires_grad_()
    mask = mask & torch.tensor([[True], [False], [False]])
    loss = f.FeatureDistance(spec(distance))(est, ref, mask)
    loss.sum().backward()
    assert (loss[1:] == 0).all()
    assert (est.grad[1:] == 0).all()
    assert torch.isfinite(est.grad).all()


@pytest.mark.parametrize("distance", ALL)
@pytest.mark.parametrize("silent", ["ref", "est", "both"])
def test_silence_stays_finite(distance, silent, features, spec):
    est, ref, mask = features
    est = torch.zeros_like(est) if silent in ("est", "both") else est
    ref = torch.zeros_like(ref) if silent in ("ref", "both") else ref
    est.requires_grad_()
    loss = f.FeatureDistance(spec(distance))(est, ref, mask)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(est.grad).all()


@pytest.mark.parametrize(
    ("distance", "expected"), [("cross_correlation", 0.0), ("cka", 0.0)]
)
def test_one_frame_or_a_constant_reference_has_nothing_to_correlate(
    distance, expected, features
):
    est, ref, mask = features
    constant = ref[:, :1].expand_as(ref)
    value = f.feature_distance(est, constant, mask, distance)
    assert value.tolist() == [expected] * 3
    value = f.feature_distance(ref[:, :1], est[:, :1], mask[:, :1], distance)
    assert value.tolist() == [expected] * 3


@pytest.mark.parametrize("distance", ["cross_correlation", "cka"])
def test_constant_estimate_counts_as_uncorrelated(distance, features):
    _, ref, mask = features
    constant = torch.ones_like(ref)
    value = f.feature_distance(constant, ref, mask, distance)
    torch.testing.assert_close(value, torch.ones(3))


@pytest.mark.parametrize("distance", ALL)
def test_autocast_changes_nothing(distance, features, spec):
    compare = f.FeatureDistance(spec(distance))
    expected = compare(*features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(compare(*features), expected)


def test_gradient_of_log_mse_is_blind_to_the_scale_of_a_layer(features):
    gradients = []
    for scale in (1.0, 100.0):
        est = features[0].clone().requires_grad_()
        pair = (scale * est, scale * features[1], features[2])
        f.feature_distance(*pair, "log_mse").sum().backward()
        gradients.append(est.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-3, atol=1e-6)


def test_layer_norm_makes_a_loud_layer_count_like_a_quiet_one(features):
    est, ref, mask = features
    quiet = f.feature_distance(est, ref, mask, "mse", "layer_norm")
    loud = f.feature_distance(100 * est, 100 * ref, mask, "mse", "layer_norm")
    torch.testing.assert_close(loud, quiet, rtol=1e-3, atol=1e-4)
    assert (f.feature_distance(100 * est, 100 * ref, mask) > 1000 * quiet).all()


@pytest.mark.parametrize("normalize", NORMS)
def test_half_precision_features_are_compared_in_float32(normalize, features):
    est, ref, mask = features
    est, ref = 1e4 * est.bfloat16(), 1e4 * ref.bfloat16()
    got = f.feature_distance(est, ref, mask, "mse", normalize)
    exact = f.feature_distance(est.float(), ref.float(), mask, "mse", normalize)
    assert got.dtype == torch.float32
    assert torch.equal(got, exact)


def test_cosine_is_half_the_squared_distance_of_unit_vectors(features):
    est, ref, mask = features
    cosine = f.feature_distance(est, ref, mask, "cosine")
    unit = f.feature_distance(est, ref, mask, "mse", "l2") * est.size(-1) / 2
    torch.testing.assert_close(cosine, unit)


@pytest.mark.parametrize(
    ("kwargs", "hint"),
    [({"distance": "cosin"}, "cosine"), ({"normalize": "layernorm"}, "layer_norm")],
)
def test_unknown_name_lists_the_choices_and_the_closest(kwargs, hint, features):
    with pytest.raises(UserError, match=f"expected one of: .*Did you mean '{hint}'"):
        f.feature_distance(*features, **kwargs)
