import pytest
import torch
from torch.nn import functional as F

from espnet2_ext.enh.loss import functional as f
from espnet2_ext.errors import UserError

ALL = sorted(f.DISTANCES)
NORMS = sorted(f.NORMALIZATIONS)


@pytest.fixture
def features():
    torch.manual_seed(0)
    est, ref = torch.randn(3, 7, 5), torch.randn(3, 7, 5)
    return est, ref, f.frame_mask(torch.tensor([7, 4, 1]), 7)


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        ("mse", (1 + 4) / 2),
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
    if distance == "l1":
        return F.l1_loss(est, ref)
    if distance == "smooth_l1":
        return F.smooth_l1_loss(est, ref)
    if distance == "relative_l2":
        return (torch.linalg.norm(est - ref) / torch.linalg.norm(ref)) ** 2
    unit = [x / torch.linalg.norm(x, dim=-1, keepdim=True) for x in (est, ref)]
    return 0.5 * (unit[0] - unit[1]).square().sum(-1).mean()


@pytest.mark.parametrize("distance", ALL)
def test_agrees_with_torch_on_each_unpadded_utterance(distance, features):
    est, ref, mask = features
    got = f.feature_distance(est, ref, mask, distance)
    for b, n in enumerate([7, 4, 1]):
        torch.testing.assert_close(got[b], oracle(distance, est[b, :n], ref[b, :n]))


@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", ALL)
def test_zero_at_identity_and_positive_elsewhere(distance, normalize, features):
    est, ref, mask = features
    same = f.feature_distance(ref, ref, mask, distance, normalize)
    torch.testing.assert_close(same, torch.zeros(3), atol=1e-6, rtol=0)
    assert (f.feature_distance(est, ref, mask, distance, normalize) > 1e-3).all()


@pytest.mark.parametrize("distance", ALL)
def test_padding_and_batch_mates_do_not_count(distance, features):
    est, ref, mask = features
    whole = f.feature_distance(est, ref, mask, distance)
    changed = est.clone()
    changed[~mask] = 1e6
    torch.testing.assert_close(f.feature_distance(changed, ref, mask, distance), whole)
    alone = f.feature_distance(est[1:2, :4], ref[1:2, :4], mask[1:2, :4], distance)
    torch.testing.assert_close(alone[0], whole[1])


@pytest.mark.parametrize("distance", ALL)
def test_grows_with_the_error(distance, features):
    est, ref, mask = features
    steps = [ref + a * (est - ref) for a in (0.25, 0.5, 1.0)]
    values = torch.stack([f.feature_distance(s, ref, mask, distance) for s in steps])
    assert (values.diff(dim=0) > 0).all()


@pytest.mark.parametrize("normalize", NORMS)
@pytest.mark.parametrize("distance", ALL)
def test_gradient_reaches_the_estimate_only(distance, normalize, features):
    est, ref, mask = (x.clone() for x in features)
    est.requires_grad_()
    ref.requires_grad_()
    f.feature_distance(est, ref, mask, distance, normalize).sum().backward()
    assert ref.grad is None
    assert torch.isfinite(est.grad).all()
    assert (est.grad[mask].abs().sum(-1) > 0).all()
    assert (est.grad[~mask] == 0).all()


@pytest.mark.parametrize("distance", ALL)
def test_gradient_agrees_with_finite_differences(distance):
    torch.manual_seed(1)
    est = torch.randn(1, 2, 3, dtype=torch.double, requires_grad=True)
    ref = torch.randn(1, 2, 3, dtype=torch.double)
    mask = torch.ones(1, 2, dtype=torch.bool)
    assert torch.autograd.gradcheck(f.DISTANCES[distance], (est, ref, mask))


@pytest.mark.parametrize("distance", ALL)
def test_utterance_without_valid_frames_gives_zero(distance, features):
    est, ref, _ = features
    est.requires_grad_()
    none = torch.zeros(3, 7, dtype=torch.bool)
    loss = f.feature_distance(est, ref, none, distance)
    loss.sum().backward()
    assert (loss == 0).all()
    assert (est.grad == 0).all()


@pytest.mark.parametrize("distance", ALL)
def test_silent_reference_stays_finite(distance):
    est = torch.ones(1, 2, 3, requires_grad=True)
    mask = torch.ones(1, 2, dtype=torch.bool)
    loss = f.feature_distance(est, torch.zeros(1, 2, 3), mask, distance)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(est.grad).all()


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
