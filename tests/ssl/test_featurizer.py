"""Layer weights out of trained heads, in each format that has them."""

import json
from argparse import Namespace

import pytest
import torch
from torch import nn

from espnet2_ext.errors import UserError
from espnet2_ext.ssl.featurizer import read_featurizer
from espnet2_ext.ssl.layers import LayerWeights

LEARNED = torch.tensor([0.0, 1.0, -1.0, 2.0])


@pytest.fixture
def head(tmp_path):
    """A state dict as stage 13 saves one."""
    path = tmp_path / "state_dict.pt"
    torch.save({"featurizer.weights": LEARNED, "downstream.w": torch.ones(2)}, path)
    return path


def test_weights_are_the_softmax_of_what_was_learned(head):
    expected = nn.functional.softmax(LEARNED, dim=0).tolist()
    assert read_featurizer(str(head)) == pytest.approx(expected)
    weights = LayerWeights({"featurizer": str(head)}).resolve(4, has_conv=False)
    assert weights == pytest.approx(dict(enumerate(expected)))


def test_featurizer_of_s3prl_is_read_as_it_is_saved(tmp_path):
    from s3prl.nn import Featurizer
    from s3prl.nn.upstream import UpstreamDownstreamModel

    class Upstream(nn.Module):
        num_layers, hidden_sizes, downsample_rates = 4, [8] * 4, [320] * 4

    featurizer = Featurizer(Upstream())
    featurizer.weights.data.copy_(LEARNED)
    model = UpstreamDownstreamModel(Upstream(), featurizer, nn.Linear(8, 2))
    torch.save(model.state_dict(), tmp_path / "state_dict.pt")
    layers = [torch.full((1, 2, 8), 10.0**n) for n in range(4)]
    mixed, _ = featurizer(layers, [torch.tensor([2])] * 4)
    found = read_featurizer(str(tmp_path / "state_dict.pt"))
    expected = sum(weight * 10.0**n for n, weight in enumerate(found))
    assert mixed[0, 0, 0].item() == pytest.approx(expected, rel=1e-5)


def test_probe_directory_gives_the_checkpoint_it_chose(tmp_path):
    for name, values in (("step_10", LEARNED), ("valid_best", LEARNED.flip(0))):
        model = tmp_path / "s3prl" / "train" / name / "model"
        model.mkdir(parents=True)
        torch.save({"featurizer.weights": values}, model / "state_dict.pt")
    (tmp_path / "head.json").write_text(json.dumps({"checkpoint": "step_10"}))
    expected = LEARNED.softmax(0).tolist()
    assert read_featurizer(str(tmp_path)) == pytest.approx(expected)


@pytest.mark.parametrize(
    "state",
    [
        {"Featurizer": {"weights": LEARNED}, "Args": Namespace(mode="train")},
        {"frontend.featurizer.weights": LEARNED, "decoder.weights": torch.ones(3)},
    ],
)
def test_other_checkpoints_with_a_featurizer_are_read(tmp_path, state):
    torch.save(state, tmp_path / "other.pth")
    expected = LEARNED.softmax(0).tolist()
    assert read_featurizer(str(tmp_path / "other.pth")) == pytest.approx(expected)


def test_weights_can_be_drawn_from(head):
    spec = LayerWeights({"random": 2, "of": {"featurizer": str(head)}})
    assert len(spec.draw(spec.resolve(4, False), torch.Generator())) == 2


def test_head_of_another_upstream_is_refused(head):
    with pytest.raises(UserError, match="found weights of 4 layers, expected 5"):
        LayerWeights({"featurizer": str(head)}).resolve(5, False)


def test_featurizer_stands_alone(head):
    with pytest.raises(UserError, match="a featurizer stands alone"):
        LayerWeights({"featurizer": str(head), 3: 0.5})


@pytest.mark.parametrize(
    "state",
    [
        {"downstream.w": LEARNED},  # an upstream of one layer has no weights
        {"myfeaturizer.weights": LEARNED},
        {"a.featurizer.weights": LEARNED, "b.featurizer.weights": LEARNED},
        {"featurizer.weights": LEARNED.view(2, 2)},
        {"featurizer.weights": LEARNED * float("nan")},
        [LEARNED],
    ],
)
def test_checkpoint_without_one_featurizer_is_refused(tmp_path, state):
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match="expected one vector"):
        LayerWeights({"featurizer": str(tmp_path / "x.pt")})


def test_missing_broken_and_unfinished_heads_are_refused(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_featurizer(str(tmp_path / "none.pt"))
    (tmp_path / "broken.pt").write_text("text")
    with pytest.raises(UserError, match=r"found text, .text.; expected"):
        read_featurizer(str(tmp_path / "broken.pt"))
    with pytest.raises(UserError, match=r"expected a head\.json"):
        read_featurizer(str(tmp_path))
