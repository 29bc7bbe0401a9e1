"""A training that is interrupted is the same experiment as one that is not."""

import logging

import pytest
import torch
import yaml

from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.loss_memory import KEY, LossMemory, restore
from tests.processes import run_two
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.conftest import ssl_entry as shared_entry
from tests.tasks.test_enh_ssl import data as shared_data
from tests.tasks.test_enh_ssl import train_args

data, ssl_entry = shared_data, shared_entry  # the fixtures

LEARNING = {
    "gradient_norm": ({}, {"balance": "gradient_norm", "smoothing": 0.9}),
    "running": ({"normalize": "running"}, {}),
    "uncertainty": ({"layers": {"uncertainty": "all"}}, {}),
    "random": ({"layers": {"random": 1, "of": "all"}, "pad_reference": 3}, {}),
    "all of it": (
        {"layers": {"uncertainty": "all"}, "normalize": "running"},
        {"balance": "gradient_norm"},
    ),
}


@pytest.fixture(params=LEARNING)
def criterions(request, ssl_entry):
    conf, wrapper_conf = LEARNING[request.param]
    entry = {
        **ssl_entry,
        "conf": {**ssl_entry["conf"], **conf},
        "wrapper_conf": {"weight": 3.0, **wrapper_conf},
    }
    return [SNR, entry]


@pytest.fixture
def train(tmp_path, data, monkeypatch):
    """Train in a directory; gives the losses of every step, training and validation."""

    def run(name, criterions, epochs):
        steps = []
        forward = SSLEnhancementModel.forward

        def noted(self, *args, **kwargs):
            loss, stats, weight = forward(self, *args, **kwargs)
            steps.append({k: v.tolist() for k, v in stats.items() if v is not None})
            return loss, stats, weight

        config = {**SMALL, "criterions": criterions, "max_epoch": epochs}
        config |= {"resume": True, "keep_nbest_models": 5}
        (tmp_path / "train.yaml").write_text(yaml.safe_dump(config))
        args = train_args(data, tmp_path / name, tmp_path / "train.yaml")
        with monkeypatch.context() as patch:
            patch.setattr(SSLEnhancementModel, "forward", noted)
            SSLEnhancementTask.main(cmd=[str(arg) for arg in args])
        return steps

    return run


def test_every_step_after_a_resume_is_that_of_the_uninterrupted_training(
    train, tmp_path, criterions
):
    expected = train("whole", criterions, 3)
    found = [s for epochs in (1, 2, 3) for s in train("parts", criterions, epochs)]
    assert found == expected
    safe = torch.load(tmp_path / "parts/checkpoint.pth", weights_only=True)
    assert KEY in safe  # newer ESPnets load nothing else
    assert len({str(step) for step in expected}) == len(expected)
    for name in ("1epoch.pth", "3epoch.pth"):
        one, other = (torch.load(tmp_path / d / name) for d in ("whole", "parts"))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
        assert not [key for key in one if "criterion" in key or "loss" in key]


def test_checkpoint_of_losses_that_learn_nothing_is_that_of_espnet(
    train, tmp_path, ssl_entry
):
    train("exp", [SNR, ssl_entry], 1)
    states = torch.load(tmp_path / "exp/checkpoint.pth", weights_only=False)
    assert KEY not in states


def test_checkpoint_without_the_memory_is_taken_and_said(
    train, tmp_path, ssl_entry, caplog
):
    entry = {**ssl_entry, "conf": {**ssl_entry["conf"], "normalize": "running"}}
    train("exp", [SNR, entry], 1)
    path = tmp_path / "exp/checkpoint.pth"
    states = torch.load(path, weights_only=False)
    del states[KEY]
    torch.save(states, path)
    with caplog.at_level(logging.WARNING):
        assert len(train("exp", [SNR, entry], 2)) > 0
    assert "loss 'ssl_loss'" in caplog.text
    assert "begins anew" in caplog.text


def test_checkpoint_resumes_in_plain_espnet(train, tmp_path, ssl_entry):
    from espnet2.train.reporter import Reporter
    from espnet2.train.trainer import Trainer as EspnetTrainer

    entry = {**ssl_entry, "conf": {**ssl_entry["conf"], "normalize": "running"}}
    train("exp", [SNR, entry], 1)
    model, _ = SSLEnhancementTask.build_model_from_file(tmp_path / "exp/config.yaml")
    optimizer = torch.optim.Adadelta(model.parameters())
    reporter = Reporter()
    EspnetTrainer.resume(
        tmp_path / "exp/checkpoint.pth", model, reporter, [optimizer], [None], None
    )
    assert reporter.get_epoch() == 1


class Learner(torch.nn.Module):
    """A loss wrapper, as far as the memory sees it."""

    def __init__(self, known):
        super().__init__()
        self.criterion, self.known = torch.nn.Identity(), known
        self.criterion.name = "ssl_loss"

    def memory(self):
        return {"balance": {"alpha": self.known}}

    def remember(self, memory):
        self.known = memory["balance"]["alpha"]


def model_that_knows(value):
    model = torch.nn.Module()
    model.loss_wrappers = [Learner(value)]
    return model


def worker(rank, folder):
    memory = LossMemory()
    memory.gather(model_that_knows(10 + rank))
    if rank == 0:
        torch.save(memory.added_to({"model": 1}), folder / "checkpoint.pth")
    torch.distributed.barrier()
    model = model_that_knows(None)
    restore(model, torch.load(folder / "checkpoint.pth", weights_only=True))
    (folder / f"knows.{rank}").write_text(str(model.loss_wrappers[0].known))


def test_each_process_gets_its_own_back(tmp_path):
    run_two(worker, tmp_path)
    assert [(tmp_path / f"knows.{rank}").read_text() for rank in (0, 1)] == ["10", "11"]
    alone = model_that_knows(None)  # resumed with one process in place of two
    restore(alone, torch.load(tmp_path / "checkpoint.pth", weights_only=True))
    assert alone.loss_wrappers[0].known == 10
