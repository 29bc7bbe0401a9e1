"""Values that cannot be meant are refused, in all arguments of all our classes."""

import numpy as np
import pytest
import torch
from espnet2.enh.loss.criterions.time_domain import SNRLoss
from torch import nn

from espnet2_ext import checks
from espnet2_ext.asr.frontend.s3prl import S3prlFrontend
from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.loss.balance import Balance
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.loss.functional import FeatureDistance
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.layers import LayerWeights
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.superb.features import Extractor
from tests.flat import frozen_upstream, ssl_distance

NAN, INF = float("nan"), float("inf")
NO_NUMBERS = [True, False, "1", None, [1], NAN, INF, -INF, 1j, 10**400]
NO_FLAGS = ["false", "true", 0, 1, None, []]
NO_RATES = [*NO_NUMBERS, 0, -16000, 1, 16, 999, 16000.0, 400_000, 44101, "16k"]


class Measured(nn.Module):
    """A criterion that wants lengths."""

    name = "measured"

    def forward(self, ref, inf, lengths):
        raise NotImplementedError


def solver(**arguments):
    return FixedOrderWithLengthsSolver(Measured(), **arguments)


def upstream(**arguments):
    return frozen_upstream(**{"upstream": "fbank", **arguments})


def distance(**arguments):
    return ssl_distance(**{"upstream": "fbank", "layers": 0, **arguments})


def criterion(**arguments):
    return SSLLoss(**{"upstream": "fbank", "layers": 0, **arguments})


def frontend(**arguments):
    conf = {"upstream": "fbank"}
    return S3prlFrontend(**{"frontend_conf": conf, **arguments})


def extractor(**arguments):
    return Extractor(UpstreamSpec(**{"tag": "x", "upstream": "fbank", **arguments}))


def parameter(name, key):
    return lambda value: FeatureDistance({"name": name, key: value})


def each(make, argument, values):
    return [(make, argument, value) for value in values]


NO_TEXTS = [None, True, 3, "", "  ", ["fbank"], {"fbank": 1}, b"fbank"]
NO_PATHS = [True, False, 0, 3.5, "", " ", [], {"a": 1}]
NO_MAPPINGS = [True, 3, "colour: red", ["a"], {1: 2}, {"": 1}, {"a": object()}]
CASES = [
    case
    for make in (upstream, distance, criterion)
    for case in (
        *each(make, "fs", NO_RATES),
        *each(make, "upstream", NO_TEXTS),
        *each(make, "path_or_url", NO_PATHS),
        *each(make, "download_dir", NO_PATHS),
        *each(make, "extra_conf", [*NO_MAPPINGS, {"ckpt": "x.pt"}]),
        *each(make, "layers", [None, True, [True], 1.5, -1, {}, {0: True}, {0: -1}]),
    )
] + [
    case
    for make in (distance, criterion)
    for case in (
        *each(make, "pad_reference", [*NO_NUMBERS, -1, 2.5, 1501]),
        *each(make, "normalize", [None, True, ["l2"], {"l2": 1}, "L2", ""]),
        *each(make, "distance", [None, True, ["mse"], {}, {"name": ["mse"]}, "MSE"]),
    )
]
CASES += [
    *each(criterion, "only_for_test", NO_FLAGS),
    *each(criterion, "is_noise_loss", NO_FLAGS),
    *each(criterion, "is_dereverb_loss", NO_FLAGS),
    *each(criterion, "name", [*NO_TEXTS, "a/b", "../x", "a b", "ä", "6", "a\n"]),
    *each(criterion, "name", ["loss", "grad_norm", "train_time", "optim0_lr0"]),
    *each(solver, "weight", [*NO_NUMBERS, -1, -1e-9]),
    *each(solver, "balance", [None, True, 1, ["fixed"], "Fixed", {"rule": "fixed"}]),
    *each(solver, "log_gradients", NO_FLAGS),
    *each(Balance, "weight", [*NO_NUMBERS, -0.1]),
    *each(frontend, "fs", [True, None, 1, 16000.0, -16000]),
    *each(frontend, "layer", [True, None, "1", 0.5, -2]),
    *each(frontend, "multilayer_feature", NO_FLAGS),
    *each(frontend, "download_dir", NO_PATHS),
    *each(extractor, "upstream", [None, "", "fbankk"]),
    *each(extractor, "path_or_url", [True, 3, "x.pt"]),
    *each(extractor, "extra_conf", NO_MAPPINGS),
]


@pytest.mark.parametrize(
    ("make", "argument", "value"),
    CASES,
    ids=[f"{m.__name__}-{a}-{str(v)[:20]}" for m, a, v in CASES],
)
def test_value_that_cannot_be_meant_is_refused(make, argument, value):
    with pytest.raises(UserError):
        make(**{argument: value})


@pytest.mark.parametrize("argument", ["ratio", "smoothing"])
@pytest.mark.parametrize("value", [*NO_NUMBERS, -1])
@pytest.mark.parametrize("make", [solver, Balance])
def test_balance_of_norms_refuses(make, argument, value):
    rule = {"balance" if make is solver else "rule": "gradient_norm"}
    with pytest.raises(UserError, match=argument):
        make(**rule, **{argument: value})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("log_mse", "floor"),
        ("soft_dtw", "gamma"),
        ("sinkhorn", "epsilon"),
        ("info_nce", "temperature"),
        ("sinkhorn", "iterations"),
        ("unit_cross_entropy", "centroids"),
    ],
)
@pytest.mark.parametrize("value", [*NO_NUMBERS, -1, 0, 1e-300, 1e300])
def test_parameter_of_a_distance_refuses(name, key, value):
    with pytest.raises(UserError, match=key):
        parameter(name, key)(value)


@pytest.mark.parametrize("value", [v for v in NO_NUMBERS if v is not None])
def test_band_refuses(value):
    with pytest.raises(UserError, match="band"):
        parameter("soft_dtw", "band")(value)


@pytest.mark.parametrize("value", [*NO_NUMBERS, -1])
@pytest.mark.parametrize("key", [3, "last", "conv"])
def test_weight_of_a_layer_refuses(key, value):
    with pytest.raises(UserError, match="finite number >= 0"):
        LayerWeights({key: value})


# what ordinary code has is taken


def test_numbers_of_numpy_and_paths_are_taken(tmp_path):
    built = distance(
        fs=np.int64(8000), pad_reference=np.int32(3), download_dir=tmp_path
    )
    assert (built.upstream.fs, built.pad_reference) == (8000, 3)
    assert built.upstream.spec.download_dir == str(tmp_path)
    assert solver(weight=np.float32(0.5)).weight == 0.5
    assert solver(weight=0).weight == 0


@pytest.mark.parametrize("fs", [1000, 8000, 11025, 16000, 22050, 44100, 48000, 192000])
def test_ordinary_rates_are_taken(fs):
    assert checks.sampling_rate("fs", fs) == fs


def test_message_says_how_to_maximise():
    with pytest.raises(UserError, match="to maximise a distance on purpose, subtract"):
        solver(weight=-10)


# criterions of a configuration


def entry(name="ssl", wrapper="fixed_order_with_lengths", **changes):
    conf = {"upstream": "fbank"} if name == "ssl" else {}
    values = {"name": name, "conf": conf, "wrapper": wrapper, "wrapper_conf": {}}
    return {**values, **changes}


@pytest.mark.parametrize("wrapper", ["fixed_order", "pit", "dpcl", "mixit"])
def test_wrapper_that_drops_the_lengths_is_refused(wrapper):
    wanted = f"'ssl' under 'wrapper: {wrapper}'.*use 'wrapper: fixed_order_with_leng"
    with pytest.raises(UserError, match=wanted):
        check_criterions([entry(wrapper=wrapper)])


def test_wrapper_with_lengths_is_refused_for_a_loss_that_takes_none():
    with pytest.raises(UserError, match=r"'snr' takes no lengths.*: fixed_order'"):
        check_criterions([entry(name="snr")])
    with pytest.raises(UserError, match="takes no lengths"):
        FixedOrderWithLengthsSolver(SNRLoss())


@pytest.mark.parametrize("name", ["ssl", "snr"])
@pytest.mark.parametrize("weight", [*NO_NUMBERS, -1])
def test_weight_in_a_configuration_refuses(name, weight):
    wrapper = "fixed_order" if name == "snr" else "fixed_order_with_lengths"
    conf = {"weight": weight}
    with pytest.raises(UserError, match="criterions, entry 1: weight"):
        check_criterions([entry(name, wrapper, wrapper_conf=conf)])


@pytest.mark.parametrize(
    "changes",
    [{"name": ["ssl"]}, {"name": None}, {"wrapper": ["x"]}, {"wrapper": {}}, {1: 2}],
)
def test_names_that_are_none_are_one_message(changes):
    with pytest.raises(UserError, match="Unknown"):
        check_criterions([entry(**changes) if 1 not in changes else entry() | changes])


@pytest.mark.parametrize("given", [([], []), ([torch.zeros(1, 9)], [])])
def test_solver_says_what_is_missing(given):
    with pytest.raises(ValueError, match="one for each speaker"):
        solver()(*given, {})
    with pytest.raises(ValueError, match="SSLEnhancementModel"):
        solver()([torch.zeros(1, 9)], [torch.zeros(1, 9)], {})
