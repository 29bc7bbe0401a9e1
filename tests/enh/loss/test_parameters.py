import numpy as np
import pytest
import torch

from espnet2_ext.enh.loss.centroids import read_centroids
from espnet2_ext.enh.loss.functional import DISTANCES, FeatureDistance
from espnet2_ext.enh.loss.parameters import PARAMETERS, bind_parameters
from espnet2_ext.errors import UserError


def test_name_alone_and_mapping_without_parameters_mean_the_same(features):
    plain = FeatureDistance("soft_dtw")(*features)
    assert torch.equal(FeatureDistance({"name": "soft_dtw"})(*features), plain)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("log_mse", {"floor": 0.5}),
        ("soft_dtw", {"gamma": 2.0}),
        ("soft_dtw", {"band": 1}),
        ("sinkhorn", {"epsilon": 3.0}),
        ("sinkhorn", {"iterations": 1}),
        ("speech_bert_score", {"temperature": 1}),
        ("info_nce", {"temperature": 1}),
        ("unit_cross_entropy", {"temperature": 1}),
    ],
)
def test_parameter_reaches_the_distance(name, parameters, features, spec):
    default = FeatureDistance(spec(name))(*features)
    other = FeatureDistance(spec(name, **parameters))(*features)
    assert not torch.allclose(other, default, rtol=1e-5)
    direct = bind_parameters(spec(name), DISTANCES)
    torch.testing.assert_close(direct(*features, **parameters), other)


def test_every_parameter_is_checked():
    import inspect

    wanted = {
        argument.name
        for distance in DISTANCES.values()
        for argument in inspect.signature(distance).parameters.values()
        if argument.kind is argument.KEYWORD_ONLY
    }
    assert wanted == set(PARAMETERS)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("sinkhron", "Unknown distance 'sinkhron'.*Did you mean 'sinkhorn'"),
        ({"name": "soft_dwt"}, "Did you mean 'soft_dtw'"),
        ({"gamma": 0.1}, "expected a name"),
        (None, "Unknown distance 'None'"),
        (["mse"], "Unknown distance"),
        (
            {"name": "soft_dtw", "gama": 1},
            "parameter of distance 'soft_dtw' 'gama'; expected one of: band, gamma. "
            "Did you mean 'gamma'",
        ),
        ({"name": "mse", "gamma": 1}, "'mse' takes no parameters; remove 'gamma'"),
        ("unit_cross_entropy", "'unit_cross_entropy' needs 'centroids'"),
        ({"name": "soft_dtw", "gamma": 0}, "gamma must be a finite number > 0"),
        ({"name": "soft_dtw", "gamma": "x"}, "found 'x'"),
        ({"name": "soft_dtw", "band": 0}, "band 0 is too narrow"),
        ({"name": "soft_dtw", "band": 2.5}, "band must be a whole number"),
        ({"name": "soft_dtw", "band": False}, "band must be a whole number"),
        ({"name": "sinkhorn", "iterations": True}, "iterations must be a whole"),
        ({"name": "sinkhorn", "epsilon": float("nan")}, "epsilon must be a finite"),
        ({"name": "info_nce", "temperature": -1}, "temperature must be a finite"),
    ],
)
def test_wrong_specification_is_refused_when_built(spec, message):
    with pytest.raises(UserError, match=message):
        FeatureDistance(spec)


def test_band_of_null_is_none(features):
    spec = {"name": "soft_dtw", "band": None}
    plain = FeatureDistance("soft_dtw")(*features)
    assert torch.equal(FeatureDistance(spec)(*features), plain)


def test_centroids_are_read_from_numpy_and_torch(tmp_path):
    values = np.random.default_rng(0).normal(size=(3, 2))
    np.save(tmp_path / "units.npy", values)
    torch.save(torch.from_numpy(values), tmp_path / "units.pt")
    for name in ("units.npy", "units.pt"):
        found = read_centroids("centroids", str(tmp_path / name))
        assert torch.equal(found, torch.from_numpy(values).float())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npy", None, "no such file; expected a .npy file"),
        ("text.pt", "text", "found text, 'text'; expected"),
        ("units.txt", "1 2", "expected a .npy or .pt file"),
        ("vector.npy", np.zeros(3), r"found \(3,\)"),
        ("one.npy", np.zeros((1, 3)), "2 units or more"),
        ("nan.npy", np.full((3, 2), np.nan), "not finite"),
    ],
)
def test_file_without_centroids_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        np.save(path, content)
    with pytest.raises(UserError, match=message):
        read_centroids("centroids", str(path))


def test_other_object_in_a_torch_file_is_refused(tmp_path):
    torch.save({"centroids": torch.zeros(3, 2)}, tmp_path / "dict.pt")
    with pytest.raises(UserError, match=r"expected a \.npy or \.pt file.*dict"):
        read_centroids("centroids", str(tmp_path / "dict.pt"))
