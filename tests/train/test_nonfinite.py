"""NaN and infinity: who brought them is said, and nothing of them is kept."""

import logging

import numpy as np
import pytest
import soundfile
import torch
import yaml
from torch import nn

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.nonfinite import Guard, refuse_nonfinite_state
from tests.processes import run_two
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.test_enh_ssl import train_args
from tests.tiny_corpus import FS, write_data_dir

BATCH_NORM = {**SMALL["separator_conf"], "norm_type": "BN"}  # has running statistics


class Model(nn.Module):
    """Its loss is a function of its input; it counts what it has seen."""

    def __init__(self, function=torch.sum):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))
        self.register_buffer("seen", torch.zeros(()))
        self.register_buffer("mask", torch.tensor(float("-inf")))
        self.function = function

    def forward(self, speech, utt_id):
        self.seen += speech.sum()
        loss = self.function(self.weight * speech)
        return loss, {"loss": loss.detach()}, torch.tensor(1)


def step(guard, model, *batches):
    """Accumulate the gradients of (id, number) batches, then clip as ESPnet does."""
    with guard.watch(model):
        for utt, number in batches:
            loss, _, _ = model(torch.full((3,), number), utt_id=[utt])
            loss.backward()
        return torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_loss_that_is_not_finite_names_its_batch_and_no_other(bad):
    with pytest.raises(UserError, match=r"found a loss .* in a batch of b; expected"):
        step(Guard("stop"), Model(), ("a", 1.0), ("b", bad), ("c", 2.0))


def test_gradient_alone_names_all_batches_since_the_last_update():
    guard, model = Guard("stop"), Model(lambda x: x.abs().sqrt().sum())
    assert step(guard, model, ("a", 1.0)).isfinite()
    message = r"found a gradient \(norm (nan|inf)\) .* in a batch of b, c; expected"
    with pytest.raises(UserError, match=message):
        step(guard, model, ("b", 1.0), ("c", 0.0))  # the slope of a root at zero


def test_finite_gradient_under_a_loss_that_is_not_is_no_update_either():
    model = Model(lambda x: x.sum() + INF)
    assert not step(Guard("skip"), model, ("a", 1.0)).isfinite()


def test_skipping_undoes_the_running_statistics_and_says_so(caplog):
    guard, model = Guard("skip"), Model()
    step(guard, model, ("a", 1.0))
    step(guard, model, ("b", 2.0), ("c", NAN))
    assert model.seen == 3.0
    (warning,) = (r.getMessage() for r in caplog.records if r.levelno > logging.INFO)
    assert warning == (
        "nonfinite: skip: found a loss that is not finite in a batch of c; it is left "
        "out"
    )


class Scaler:
    def __init__(self, scale):
        self.scale = scale

    def get_scale(self):
        return self.scale


def test_mixed_precision_may_overflow_as_long_as_its_scale_can_fall():
    def overflow(scale, number=0.0):
        model = Model(lambda x: x.abs().sqrt().sum())
        step(Guard("stop", Scaler(scale)), model, ("a", number))

    overflow(2.0)
    with pytest.raises(UserError, match="found a gradient"):
        overflow(1.0)
    with pytest.raises(UserError, match="found a loss"):
        overflow(2.0, NAN)  # no scale helps


def test_loss_of_an_update_that_was_cut_off_is_judged_too():
    guard, model = Guard("stop"), Model()
    with guard.watch(model):
        model(torch.full((3,), NAN), utt_id=["a"])
    with pytest.raises(UserError, match="in a batch of a;"):
        guard.judge_losses()
    with guard.watch(model):
        model(torch.ones(3), utt_id=["a"])
    assert not guard.judge_losses()


def test_clipping_is_espnets_own_again_afterwards():
    plain = torch.nn.utils.clip_grad_norm_
    model = Model()
    step(Guard("stop"), model, ("a", 1.0))
    assert torch.nn.utils.clip_grad_norm_ is plain
    assert not model._forward_hooks
    assert not model._forward_pre_hooks


def worker(rank, folder):
    model = nn.parallel.DistributedDataParallel(Model(), broadcast_buffers=False)
    try:
        step(Guard("stop", Scaler(2.0)), model, (f"utt{rank}", (NAN, 1.0)[rank]))
    except UserError as error:
        (folder / f"rank{rank}").write_text(str(error))


def test_all_processes_stop_together_and_name_the_one(tmp_path):
    run_two(worker, tmp_path)
    for rank in (0, 1):
        message = (tmp_path / f"rank{rank}").read_text()
        assert "found a loss that is not finite in a batch of utt0;" in message


def test_state_is_refused_by_name_but_for_infinite_masks():
    model = Model()
    optimizer = torch.optim.Adam(model.parameters())
    model.weight.grad = torch.ones(3)
    optimizer.step()
    refuse_nonfinite_state(model, [optimizer])
    optimizer.state[model.weight]["exp_avg"][0] = INF
    with pytest.raises(UserError, match="in the state of Adam at the end"):
        refuse_nonfinite_state(model, [optimizer])
    model.seen.fill_(NAN)
    with pytest.raises(UserError, match="in seen at"):
        refuse_nonfinite_state(model, [])
    model.weight.data[1] = INF
    with pytest.raises(UserError, match="in weight, seen at"):
        refuse_nonfinite_state(model, [])


@pytest.fixture
def data(tmp_path):
    """A data directory with shape files for batches of any size."""
    directory = write_data_dir(tmp_path / "data", seconds=0.5)
    for scp, key in (("wav.scp", "speech_mix"), ("spk1.scp", "speech_ref1")):
        lines = [f"{utt} {FS // 2}\n" for utt in read_scp(directory / scp)]
        (directory / f"{key}_shape").write_text("".join(lines))
    return directory


def train(tmp_path, data, epochs=1, valid=None, **changes):
    """Train through ESPnet; ``valid`` is another data directory."""
    changes = {"separator_conf": BATCH_NORM, "max_epoch": epochs, **changes}
    settings = {**SMALL, "criterions": [SNR], "resume": True, **changes}
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(settings))
    args = [str(arg) for arg in train_args(data, tmp_path / "exp", config)]
    for place, arg in enumerate(args):
        if valid and place and args[place - 1].startswith("--valid_"):
            args[place] = arg.replace(str(data), str(valid))
    SSLEnhancementTask.main(cmd=args)
    return tmp_path / "exp"


def spoil(data, utt="spk0-utt02"):
    """Put a NaN into the mixture of an utterance."""
    path = read_scp(data / "wav.scp")[utt]
    wav, fs = soundfile.read(path, dtype="float32")
    wav[100] = np.nan
    soundfile.write(path, wav, fs, subtype="FLOAT")


def test_training_stops_with_the_ids_and_keeps_the_epoch_before(tmp_path, data):
    exp = train(tmp_path, data)
    before = {path.name: path.read_bytes() for path in exp.glob("*.pth")}
    assert "1epoch.pth" in before
    spoil(data)
    with pytest.raises(UserError, match=r"loss .* in a batch of .*spk0-utt02.*; exp"):
        train(tmp_path, data, epochs=2)
    assert {path.name: path.read_bytes() for path in exp.glob("*.pth")} == before


def test_training_that_skips_ends_with_finite_weights_and_statistics(
    tmp_path, data, caplog
):
    spoil(data)
    exp = train(tmp_path, data, nonfinite="skip", num_iters_per_epoch=8)
    state = torch.load(exp / "checkpoint.pth", weights_only=False)
    names = [name for name, value in state["model"].items() if "running" in name]
    assert names
    assert all(value.isfinite().all() for value in state["model"].values())
    said = [r.getMessage() for r in caplog.records if "nonfinite: skip" in r.message]
    assert said
    assert all("spk0-utt02" in message for message in said)


def test_validation_stops_too_before_anything_is_saved(tmp_path, data):
    valid = write_data_dir(tmp_path / "valid", seconds=0.5)
    for shape in data.glob("*_shape"):
        (valid / shape.name).write_text(shape.read_text())
    spoil(valid)
    with pytest.raises(UserError, match=r"loss .*spk0-utt02"):
        train(tmp_path, data, valid=valid)
    assert not list((tmp_path / "exp").glob("*.pth"))


def test_weights_that_ran_away_are_not_saved(tmp_path, data):
    optimizer = {"optim": "sgd", "optim_conf": {"lr": 1e38, "weight_decay": 1e38}}
    settings = {**optimizer, "num_iters_per_epoch": 1}
    with pytest.raises(UserError, match="at the end of an epoch, which is not saved"):
        train(tmp_path, data, **settings)
    assert not list((tmp_path / "exp").glob("*.pth"))


@pytest.mark.parametrize("rule", ["halt", True, None])
def test_unknown_rule_is_said_before_any_data_is_read(tmp_path, rule):
    with pytest.raises(UserError, match=f"nonfinite.*{rule}.*; expected"):
        train(tmp_path, tmp_path / "no_such_data", nonfinite=rule)
    assert not (tmp_path / "exp").exists()
