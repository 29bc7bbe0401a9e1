"""A training that is killed while it saves: nothing is lost but the epoch."""

import os

import pytest
import torch
import yaml

from espnet2_ext.errors import UserError
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.trainer import atomic_checkpoints, repair_links
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.test_enh_ssl import data as shared_data
from tests.tasks.test_enh_ssl import train_args

data = shared_data  # the fixture


class Killed(BaseException):
    """Stands for SIGKILL."""


def write(name, text="new"):
    torch.save({"text": text}, name)


def read(path):
    return torch.load(path, weights_only=True)["text"]


def test_checkpoint_appears_after_the_model_of_its_epoch(tmp_path):
    write(tmp_path / "checkpoint.pth", "old")
    with atomic_checkpoints():
        write(tmp_path / "checkpoint.pth")
        assert read(tmp_path / "checkpoint.pth") == "old"
        write(tmp_path / "1epoch.pth")
        assert read(tmp_path / "checkpoint.pth") == "new"
    assert read(tmp_path / "1epoch.pth") == "new"
    assert sorted(os.listdir(tmp_path)) == ["1epoch.pth", "checkpoint.pth"]


def test_file_half_written_keeps_the_old_one(tmp_path):
    class Unwritable:
        def __reduce__(self):
            raise Killed

    path = tmp_path / "1epoch.pth"
    write(path, "old")
    with atomic_checkpoints(), pytest.raises(Killed):
        torch.save({"a": torch.zeros(1000), "b": Unwritable()}, path)
    assert read(path) == "old"


def test_streams_are_written_as_ever_and_the_patch_ends(tmp_path):
    plain = torch.save
    with atomic_checkpoints(), open(tmp_path / "x", "wb") as stream:
        write(stream)
    assert read(tmp_path / "x") == "new"
    assert torch.save is plain


def train(tmp_path, data, epochs, **more):
    changes = {"max_epoch": epochs, "keep_nbest_models": 2, "resume": True, **more}
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump({**SMALL, "criterions": [SNR], **changes}))
    args = train_args(data, tmp_path / "exp", config)
    SSLEnhancementTask.main(cmd=[str(arg) for arg in args])
    return tmp_path / "exp"


def kill_after(monkeypatch, files):
    """Let so many files of the training get their name, then kill it."""
    replace, left = os.replace, [files]

    def counted(source, target):
        if str(target).endswith(".pth"):
            if not left[0]:
                raise Killed
            left[0] -= 1
        replace(source, target)

    monkeypatch.setattr(os, "replace", counted)


# an epoch writes its model, then the checkpoint; links are no such files
@pytest.mark.parametrize("files", [2, 3])
def test_training_goes_on_after_a_kill_between_any_two_files(
    tmp_path,
    data,
    monkeypatch,
    files,
):
    with monkeypatch.context() as patch:
        kill_after(patch, files)
        with pytest.raises(Killed):
            train(tmp_path, data, 3)
    exp = train(tmp_path, data, 3)
    kept = torch.load(exp / "checkpoint.pth", weights_only=False)
    assert sorted(kept["reporter"]["stats"]) == [1, 2, 3]
    assert (exp / "valid.loss.ave.pth").exists()
    assert os.readlink(exp / "latest.pth") == "3epoch.pth"


def test_links_a_kill_left_behind_are_put_right(tmp_path, data):
    exp = train(tmp_path, data, 2)
    expected = {p.name: os.readlink(p) for p in exp.glob("*.pth") if p.is_symlink()}
    expected.pop("valid.loss.ave.pth")
    assert expected["latest.pth"] == "2epoch.pth"
    (exp / "latest.pth").unlink()
    (exp / "valid.loss.best.pth").unlink()
    (exp / "valid.loss.best.pth").symlink_to("7epoch.pth")
    train(tmp_path, data, 2)  # has nothing left to train
    assert {name: os.readlink(exp / name) for name in expected} == expected


def test_first_run_has_no_links_to_repair(tmp_path):
    repair_links(tmp_path, SMALL["best_model_criterion"])
    assert not os.listdir(tmp_path)


def weights(path):
    return torch.load(path, weights_only=True)


def test_more_epochs_are_those_of_a_longer_training(tmp_path, data):
    (tmp_path / "whole").mkdir()
    whole = train(tmp_path / "whole", data, 3, keep_nbest_models=3)
    (tmp_path / "parts").mkdir()
    parts = train(tmp_path / "parts", data, 1, keep_nbest_models=1)
    train(tmp_path / "parts", data, 2, keep_nbest_models=1)
    left = sorted(path.name for path in parts.glob("[0-9]epoch.pth"))
    assert len(left) == 1  # one was removed
    train(tmp_path / "parts", data, 3, keep_nbest_models=3)
    for key, value in weights(whole / "3epoch.pth").items():
        assert torch.equal(value, weights(parts / "3epoch.pth")[key])
    # the best of those that are left
    assert os.readlink(parts / "valid.loss.ave.pth").startswith("valid.loss.ave_")
    assert (parts / "valid.loss.ave.pth").is_file()


def test_patience_that_has_ended_a_training_is_asked_before_it_goes_on(tmp_path, data):
    never = {"patience": 0, "optim_conf": {"lr": 0.0}}  # nothing improves
    exp = train(tmp_path, data, 9, **never)
    epochs = os.readlink(exp / "latest.pth")
    assert epochs == "2epoch.pth"
    train(tmp_path, data, 12, **never)  # as one uninterrupted training would have
    assert os.readlink(exp / "latest.pth") == epochs
    train(tmp_path, data, 12, **{**never, "patience": 2})
    assert os.readlink(exp / "latest.pth") == "4epoch.pth"


def test_broken_checkpoint_is_one_message(tmp_path, data):
    exp = train(tmp_path, data, 1)
    whole = (exp / "checkpoint.pth").read_bytes()
    for broken in (b"", whole[: len(whole) // 2]):
        (exp / "checkpoint.pth").write_bytes(broken)
        with pytest.raises(UserError, match=r"checkpoint\.pth: .*expected"):
            train(tmp_path, data, 2)
    (exp / "checkpoint.pth").write_bytes(whole)
    train(tmp_path, data, 2)
