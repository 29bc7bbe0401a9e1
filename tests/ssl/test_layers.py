import pytest
import torch

from espnet2_ext.errors import UserError
from espnet2_ext.ssl.layers import LayerWeights, layer_name


@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        ("all", [0, 1, 2, 3, 4]),
        ("first_half", [0, 1, 2]),
        ("later_half", [3, 4]),
        ("last", [4]),
        ("conv", ["conv"]),
        (2, [2]),
        ("2", [2]),
        ("1-3", [1, 2, 3]),
        ([3, 1], [1, 3]),
        (["last", "conv", "0-1"], ["conv", 0, 1, 4]),
        (["conv", 1, 2], ["conv", 1, 2]),
        ({"conv": 0.5, "last": 0.5}, ["conv", 4]),
        ({"random": 2}, [0, 1, 2, 3, 4]),
        ({"random": 1, "of": ["conv", "last"]}, ["conv", 4]),
    ],
)
def test_specification_names_the_layers_of_four_blocks(spec, layers):
    weights = LayerWeights(spec).resolve(5, has_conv=True)
    assert list(weights) == layers
    assert all(w == pytest.approx(1 / len(layers)) for w in weights.values())


def test_given_weights_are_normalised_and_zero_drops_the_layer():
    weights = LayerWeights({1: 1, 2: 3, 3: 0}).resolve(5, has_conv=False)
    assert weights == {1: pytest.approx(0.25), 2: pytest.approx(0.75)}


def test_halves_share_no_layer_and_cover_all():
    for last in (1, 2, 3, 12, 24):
        halves = [
            set(LayerWeights(half).resolve(last + 1, False))
            for half in ("first_half", "later_half")
        ]
        assert not halves[0] & halves[1]
        assert halves[0] | halves[1] == set(range(last + 1))


def test_upstream_with_a_single_state_still_has_a_later_half():
    assert LayerWeights("later_half").resolve(1, False) == {0: 1.0}


@pytest.mark.parametrize(
    "spec", ["lats", "6-", -1, 1.5, True, None, [], [[1]], {"6": "x"}, {6: -1}]
)
def test_malformed_specification_is_refused_when_built(spec):
    with pytest.raises(UserError, match="layers"):
        LayerWeights(spec)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), "0.5", True, None])
def test_weight_that_is_no_number_is_refused(weight):
    with pytest.raises(UserError, match="finite number"):
        LayerWeights({3: weight})


def test_all_zero_weights_are_refused():
    with pytest.raises(UserError, match="every weight is 0"):
        LayerWeights({3: 0.0, 4: 0})


@pytest.mark.parametrize("spec", [5, "3-5", [0, 99]])
def test_layer_out_of_range_names_the_range(spec):
    with pytest.raises(UserError, match=r"out of range.*0 to 4"):
        LayerWeights(spec).resolve(5, False)


@pytest.mark.parametrize(
    "spec",
    [
        [6, 6],
        ["6", 6],
        ["06", 6],
        {"6": 1, 6: 1},
        {6: 0, "6": 1},
        ["1-3", 2],
        ["1-3", "3-5"],
        ["1 - 3", "1-3"],
        ["all", 2],
        ["all", "last"],
        ["conv", "conv"],
        {"random": 1, "of": [2, "1-3"]},
        {"uncertainty": ["last", "last"]},
    ],
)
def test_layer_named_twice_is_refused_when_built(spec):
    with pytest.raises(UserError, match="name a layer twice"):
        LayerWeights(spec)


@pytest.mark.parametrize(
    "spec",
    [
        {"last": 1, 4: 1},
        {"last": 0, 4: 1},
        ["later_half", 3],
        ["first_half", "0-1"],
        ["later_half", "last"],
    ],
)
def test_layer_named_twice_is_refused_when_the_upstream_is_known(spec):
    with pytest.raises(UserError, match="is named twice"):
        LayerWeights(spec).resolve(5, False)


def test_weights_of_any_size_sum_to_one():
    weights = LayerWeights({1: 1e308, 2: 1e308, 3: 1e-320}).resolve(5, False)
    assert sum(weights.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "spec", ["0-999999", 999999, ["0-9999999999"], "9" * 5000, "²"]
)
def test_layer_beyond_all_bounds_takes_no_memory(spec):
    with pytest.raises(UserError, match="layers"):
        LayerWeights(spec).resolve(5, False)


def test_backward_range_is_refused():
    with pytest.raises(UserError, match="backwards"):
        LayerWeights("3-1").resolve(5, False)


def test_conv_needs_an_upstream_that_has_it():
    with pytest.raises(UserError, match="no convolutional features"):
        LayerWeights("conv").resolve(5, has_conv=False)


def test_names_sort_in_a_log():
    assert [layer_name(n) for n in ("conv", 6, 12)] == ["conv", "l06", "l12"]


# random layers


def test_draw_is_as_many_as_asked_for_and_reaches_every_layer():
    spec = LayerWeights({"random": 2, "of": ["conv", "1-3"]})
    weights = spec.resolve(5, has_conv=True)
    generator = torch.Generator().manual_seed(0)
    draws = [spec.draw(weights, generator) for _ in range(200)]
    order = list(weights)
    assert all(len(set(d)) == 2 and d == sorted(d, key=order.index) for d in draws)
    shares = [sum(layer in d for d in draws) / 200 for layer in weights]
    assert shares == pytest.approx([0.5] * 4, abs=0.1)


def test_draw_is_that_of_the_generator():
    spec = LayerWeights({"random": 3, "of": "all"})
    weights = spec.resolve(13, has_conv=False)
    draws = []
    for seed in (1, 1, 2):
        generator = torch.Generator().manual_seed(seed)
        draws.append([spec.draw(weights, generator) for _ in range(5)])
    assert draws[0] == draws[1] != draws[2]


def test_without_random_all_layers_are_drawn():
    spec = LayerWeights([3, "conv"])
    assert spec.draw(spec.resolve(5, True), torch.Generator()) == ["conv", 3]


def test_random_layers_keep_the_weights_they_were_given():
    spec = LayerWeights({"random": 1, "of": {1: 1, 2: 3}})
    assert spec.resolve(5, False) == {1: 0.25, 2: 0.75}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"random": 0}, "random must be a number of layers >= 1"),
        ({"random": 1.5, "of": "all"}, "found 1.5"),
        ({"random": True}, "found True"),
        ({"random": 2, "off": "all"}, "'off'; expected one of: of, random.*'of'"),
        ({"random": 2, "of": "alll"}, "expected one of all"),
        ({"random": 2, "of": {"random": 1}}, "not within each other"),
        ({"random": 2, "of": {"uncertainty": "all"}}, "not within each other"),
        ({"uncertainty": "all", "last": 1}, "'last'; expected one of: uncertainty"),
        ({"uncertainty": {"random": 2}}, "not within each other"),
        ({"uncertainty": {"uncertainty": "all"}}, "not within each other"),
        ({"uncertainty": "alll"}, "expected one of all"),
    ],
)
def test_malformed_random_or_uncertain_layers_are_refused_when_built(spec, message):
    with pytest.raises(UserError, match=message):
        LayerWeights(spec)


def test_more_random_layers_than_there_are_is_refused():
    spec = LayerWeights({"random": 4, "of": [1, 2, 3]})
    with pytest.raises(UserError, match="found 4 random layers, of 3"):
        spec.resolve(5, False)


# weights by uncertainty


def test_uncertainty_keeps_the_weights_it_was_given():
    spec = LayerWeights({"uncertainty": {1: 1, 2: 3}})
    assert spec.uncertain
    assert spec.resolve(5, False) == {1: 0.25, 2: 0.75}
    assert LayerWeights({"uncertainty": "all"}).resolve(3, False).keys() == {0, 1, 2}
    assert not LayerWeights("all").uncertain


# what can be told without the upstream


@pytest.mark.parametrize(
    ("spec", "conv", "single"),
    [
        ("conv", True, True),
        (6, False, True),
        ("last", False, True),
        ({6: 1, "conv": 0}, False, True),
        ([6, "conv"], True, False),
        ({"random": 1, "of": "conv"}, True, True),
        ("6-7", False, False),
        ("later_half", False, False),
    ],
)
def test_specification_tells_whether_conv_is_in_it_and_one_layer(spec, conv, single):
    weights = LayerWeights(spec)
    assert (weights.needs_conv, weights.is_single) == (conv, single)
