"""What comes through the door: any floating type, and one message for what cannot."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss import functional as f
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.ssl.upstream import FrozenUpstream

UPSTREAMS = ["hubert_debian_small", "whisper_tiny_en", "fbank"]
FLOATS = {torch.float64: 1e-5, torch.float16: 1e-2, torch.bfloat16: 5e-2}


@pytest.fixture(scope="module", params=UPSTREAMS)
def loss(request):
    return SSLDistance(request.param, layers="all")


@pytest.fixture(scope="module")
def quick():
    return SSLDistance("fbank", layers="all")


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(2, 6000, generator=generator) for _ in range(2)]


# types


@pytest.mark.parametrize("dtype", FLOATS)
def test_any_floating_type_is_taken_and_its_gradient_comes_back(loss, dtype, pair):
    est, ref = (wav.to(dtype) for wav in pair)
    exact = est.float().requires_grad_()
    expected = loss(exact, ref.float())
    expected.sum().backward()
    est.requires_grad_()
    value = loss(est, ref)
    value.sum().backward()
    assert value.dtype == torch.float32
    assert torch.equal(value, expected)
    assert est.grad.dtype == dtype
    assert torch.equal(est.grad, exact.grad.to(dtype))
    rounded = loss(*pair)  # as near as the type allows
    torch.testing.assert_close(value.detach(), rounded, rtol=FLOATS[dtype], atol=0)


@pytest.mark.parametrize("est", [torch.float32, *FLOATS])
@pytest.mark.parametrize("ref", [torch.float32, *FLOATS])
def test_types_may_differ(quick, est, ref, pair):
    value = quick(pair[0].to(est), pair[1].to(ref))
    assert torch.equal(value, quick(pair[0].to(est).float(), pair[1].to(ref).float()))


def test_autocast_and_half_precision_go_together(loss, pair):
    for kind in (torch.float16, torch.bfloat16):
        with torch.autocast("cpu", dtype=kind):
            est = pair[0].to(kind).requires_grad_()
            value = loss(est, pair[1])
        value.sum().backward()
        assert torch.isfinite(est.grad).all()


@pytest.mark.parametrize("fs", [8000, 48000])
def test_float64_is_resampled_in_float32(fs, pair):
    upstream = FrozenUpstream("fbank", fs=fs)
    found = upstream(pair[0].double()).layers[0]
    assert torch.equal(found, upstream(pair[0]).layers[0])


# what cannot be


WAV = torch.zeros(2, 6000)
WRONG_WAVEFORMS = {
    "one utterance": (WAV[0], r"\(B, T\), found \(6000,\); make a batch of one"),
    "channels": (WAV[:, None], r"\(B, T\), found \(2, 1, 6000\); choose one channel"),
    "a number": (torch.tensor(0.0), r"\(B, T\), found \(\)"),
    "no utterance": (WAV[:0], r"at least one utterance.*found \(0, 6000\)"),
    "no sample": (WAV[:, :0], r"one sample, found \(2, 0\)"),
    "int16": (WAV.short(), "floating point, full scale 1.0, found int16.*32768"),
    "int64": (WAV.long(), "found int64"),
    "bool": (WAV.bool(), "found bool"),
    "complex": (WAV + 0j, "found complex64"),
    "numpy": (WAV.numpy(), "torch.Tensor, found ndarray; torch.as_tensor"),
    "list": ([[0.0]], "torch.Tensor, found list"),
    "nothing": (None, "torch.Tensor, found NoneType"),
}
WRONG_LENGTHS = {
    "too long": (torch.tensor([6001, 1]), r"\[6001, 1\] do not fit.*1 to 6000 samples"),
    "zero": (torch.tensor([6000, 0]), r"\[6000, 0\] do not fit"),
    "negative": (torch.tensor([-1, 6000]), r"\[-1, 6000\] do not fit"),
    "relative": (torch.tensor([1.0, 0.5]), "found float32; multiply relative lengths"),
    "complex": (torch.tensor([1j, 1j]), "found complex64"),
    "bool": (torch.tensor([True, True]), "found bool"),
    "one": (torch.tensor([6000]), r"= \(2,\) for waveforms .*found \(1,\)"),
    "a column": (torch.tensor([[6000], [6000]]), r"found \(2, 1\)"),
    "a number": (torch.tensor(6000), r"found \(\)"),
    "list": ([6000, 6000], "found list"),
    "numpy": (np.array([6000, 6000]), "found ndarray"),
}
CALLS = {
    "distance, est": lambda s, x: s(x, WAV),
    "distance, ref": lambda s, x: s(WAV, x),
    "layers, est": lambda s, x: s.per_layer(x, WAV),
    "upstream": lambda s, x: s.upstream(x),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", WRONG_WAVEFORMS)
def test_wrong_waveforms_are_one_message(quick, call, kind):
    value, message = WRONG_WAVEFORMS[kind]
    with pytest.raises(ValueError, match=message):
        CALLS[call](quick, value)


@pytest.mark.parametrize("call", ["distance", "criterion", "upstream"])
@pytest.mark.parametrize("kind", WRONG_LENGTHS)
def test_wrong_lengths_are_one_message(quick, call, kind):
    value, message = WRONG_LENGTHS[kind]
    criterion = SSLLoss(upstream="fbank", layers="all")
    arguments = {"upstream": (WAV, value)}.get(call, (WAV, WAV, value))
    door = {"upstream": quick.upstream, "distance": quick, "criterion": criterion}
    with pytest.raises(ValueError, match=message):
        door[call](*arguments)


@pytest.mark.parametrize("other", [WAV[:, :5999], WAV[:1], torch.zeros(2, 6001)])
def test_shapes_that_differ_are_one_message(quick, other):
    for est, ref in ((WAV, other), (other, WAV)):
        with pytest.raises(ValueError, match=r"of one shape \(B, T\), found .* and "):
            quick(est, ref)
        with pytest.raises(ValueError, match=r"of one shape"):
            SSLLoss(upstream="fbank", layers="all")(ref, est)


def test_devices_that_differ_are_one_message(quick):
    with pytest.raises(ValueError, match="one device, found cpu and meta"):
        quick(WAV, WAV.to("meta"))


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.uint8, torch.int64])
def test_lengths_of_any_whole_type_are_taken(quick, dtype, pair):
    est, ref = (wav[:, :100] for wav in pair)
    value = quick(est, ref, torch.tensor([100, 90], dtype=dtype))
    assert torch.equal(value, quick(est, ref, torch.tensor([100, 90])))


@pytest.mark.parametrize("layers", [[], [7], ["conv"], [0, 1]])
def test_layer_that_is_not_in_use_is_one_message(quick, layers):
    with pytest.raises(ValueError, match=r"layers: expected some of \[0\], found"):
        quick.upstream(WAV, layers=layers)


# features


EST, MASK = torch.zeros(2, 7, 5), torch.ones(2, 7, dtype=torch.bool)
WRONG_FEATURES = {
    "2-D": ((EST[0], EST[0], MASK), r"\(B, F, D\).*found \(7, 5\)"),
    "no frame": ((EST[:, :0], EST[:, :0], MASK[:, :0]), r"found \(2, 0, 5\)"),
    "no utterance": ((EST[:0], EST[:0], MASK[:0]), r"found \(0, 7, 5\)"),
    "no feature": ((EST[..., :0], EST[..., :0], MASK), r"found \(2, 7, 0\)"),
    "int": ((EST.long(), EST, MASK), "found .* int64"),
    "frames": ((EST, EST[:, :6], MASK), "of one shape"),
    "one that would broadcast": ((EST, EST[:, :1], MASK), "of one shape"),
    "mask of numbers": ((EST, EST, MASK.float()), "mask: expected bool.*float32"),
    "mask of frames": ((EST, EST, MASK[:, :6]), r"mask: .*\(2, 7\).*found \(2, 6\)"),
    "mask of utterances": ((EST, EST, MASK[:1]), r"mask: .*found \(1, 7\)"),
    "mask of features": ((EST, EST, EST.bool()), r"mask: .*found \(2, 7, 5\)"),
    "device": ((EST, EST.to("meta"), MASK), "on one device"),
    "numpy": ((EST.numpy(), EST, MASK), "est: expected a torch.Tensor, found ndarray"),
    "no mask": ((EST, EST, None), "mask: expected a torch.Tensor, found NoneType"),
}


@pytest.mark.parametrize("kind", WRONG_FEATURES)
@pytest.mark.parametrize("distance", sorted(f.DISTANCES))
def test_wrong_features_are_one_message(distance, kind, spec, centroids):
    given_features, message = WRONG_FEATURES[kind]
    with pytest.raises(ValueError, match=message):
        f.FeatureDistance(spec(distance))(*given_features)
    parameters = {}
    if distance == "unit_cross_entropy":
        parameters["centroids"] = torch.load(centroids)
    with pytest.raises(ValueError, match=message):
        f.DISTANCES[distance](*given_features, **parameters)


def test_gap_in_the_valid_frames_is_refused_where_order_counts():
    mask = torch.tensor([[True, False, True]])
    with pytest.raises(ValueError, match="valid frames first"):
        f.feature_distance(EST[:1, :3], EST[:1, :3], mask, "soft_dtw")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("distance", sorted(f.DISTANCES))
def test_distance_of_half_precision_is_computed_in_float32(
    distance, dtype, features, spec, centroids
):
    est, ref, mask = features
    est, ref = est.to(dtype), ref.to(dtype)
    parameters = {}
    if distance == "unit_cross_entropy":
        parameters["centroids"] = torch.load(centroids)
    value = f.DISTANCES[distance](est, ref, mask, **parameters)
    exact = f.DISTANCES[distance](est.float(), ref.float(), mask, **parameters)
    assert torch.equal(value, exact)


# values that are not finite


@pytest.mark.parametrize("normalize", ["none", "layer_norm", "l2", "running"])
@pytest.mark.parametrize("distance", sorted(f.DISTANCES))
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_never_hidden(distance, normalize, value, features, spec):
    for which in (0, 1):
        pair = [x.clone() for x in features[:2]]
        pair[which][1, 2, 3] = value
        compare = f.FeatureDistance(spec(distance), normalize)
        found = compare(*pair, features[2], update=True)
        assert found.isfinite().tolist() == [True, False, True]
        assert compare(*features).isfinite().all()  # nothing of it is remembered
        constant = torch.zeros_like(pair[1])
        if which == 0:  # a distance may leave the estimate out then
            found = compare(pair[0], constant, features[2])
            assert found.isfinite().tolist() == [True, False, True]


@pytest.mark.parametrize("which", [0, 1])
def test_sample_that_is_not_finite_costs_its_utterance_only(loss, which, pair):
    expected = loss(*pair)
    pair[which][1, 3000] = float("nan")
    found = loss(*pair)
    assert found.isfinite().tolist() == [True, False]
    torch.testing.assert_close(found[0], expected[0])
    cut = torch.tensor([6000, 2900])  # behind the end it does not count
    assert loss(*pair, cut).isfinite().all()


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_any_batch_gives_a_value_or_one_message(quick, data):
    draw = data.draw
    sizes = st.integers(0, 3), st.sampled_from([0, 1, 399, 400, 1599, 1601, 3000])
    dtypes = st.sampled_from([torch.float32, *FLOATS, torch.int16, torch.bool])
    est_shape = [draw(size) for size in sizes]
    ref_shape = draw(st.sampled_from([est_shape, [draw(size) for size in sizes]]))
    level = draw(st.sampled_from([0.0, 1e-20, 0.1, 1e4]))
    est, ref = (
        (level * torch.randn(shape)).to(draw(dtypes))
        for shape in (est_shape, ref_shape)
    )
    lengths = st.lists(st.integers(-1, 3001), min_size=1, max_size=3)
    given_lengths = draw(st.none() | lengths.map(torch.tensor))
    if est.is_floating_point():
        est.requires_grad_()
    try:
        value = quick(est, ref, given_lengths)
    except ValueError as error:
        message = str(error)
        value = None
    if value is None:
        assert "expected" in message
        return
    assert value.shape == (len(est),)
    if bool(est.isfinite().all() and ref.isfinite().all()):
        assert value.isfinite().all()
        value.sum().backward()
        assert est.grad.isfinite().all()
