"""What the model hands on to ESPnet's own; training is in tests/tasks."""

import pytest
import torch
from espnet2.enh.espnet_model import ESPnetEnhancementModel

from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.ssl.memo import is_sharing

LENGTHS = torch.tensor([8, 5])


@pytest.fixture
def handed_on(monkeypatch):
    """Call ``forward_loss`` with ``others`` and more; give what ESPnet's receives."""

    def call(others, *args, **kwargs):
        seen = {}

        def espnets(self, *args, **kwargs):
            seen.update(args=args, kwargs=kwargs, shared=is_sharing())
            return "loss", "stats"

        monkeypatch.setattr(ESPnetEnhancementModel, "forward_loss", espnets)
        model = object.__new__(SSLEnhancementModel)
        model.__dict__["loss_wrappers"] = []
        result = model.forward_loss(
            ["pre"], LENGTHS, "mix", "f", others, *args, **kwargs
        )
        assert result == ("loss", "stats")
        return seen

    return call


def test_solvers_see_the_lengths_and_what_the_separator_gave(handed_on):
    given = {"mask_spk1": "mask"}
    others = handed_on(given, ["ref"])["args"][4]
    ours = {"speech_lengths": LENGTHS, "balanced": []}
    assert others == {"mask_spk1": "mask", **ours}
    assert given == {"mask_spk1": "mask"}


def test_separator_without_further_outputs_is_no_problem(handed_on):
    others = handed_on(None, ["ref"])["args"][4]
    assert others == {"speech_lengths": LENGTHS, "balanced": []}


def test_references_are_handed_on(handed_on):
    seen = handed_on({}, ["ref"], noise_ref=["noise"])
    assert seen["args"][:4] == (["pre"], LENGTHS, "mix", "f")
    assert seen["args"][5:] == (["ref"],)
    assert seen["kwargs"] == {"noise_ref": ["noise"]}


def test_losses_of_a_step_share_their_forward_passes(handed_on):
    assert handed_on({}, ["ref"])["shared"]
    assert not is_sharing()
