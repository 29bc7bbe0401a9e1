"""Export: files in, files out; that plain ESPnet loads them is in tests/tasks."""

import shutil

import pytest
import torch
import yaml

from espnet2_ext.enh import export as export_module
from espnet2_ext.enh.export import export, portable_config
from espnet2_ext.errors import UserError
from tests.wrong_files import write_weights

SSL = {"name": "ssl", "conf": {}, "wrapper": "fixed_order_with_lengths"}
MSE = {"name": "mse", "conf": {}, "wrapper": "pit", "wrapper_conf": {"weight": 0.5}}
BEST, FIRST = 1.0, 2.0
CONFIG = {"separator": "tcn", "criterions": [MSE, SSL], "model_conf": {"a": [1]}}


@pytest.fixture
def exp_dir(tmp_path):
    directory = tmp_path / "exp"
    directory.mkdir()
    (directory / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    write_weights(directory / "valid.loss.best.pth", BEST)
    write_weights(directory / "1epoch.pth", FIRST)
    return directory


def contents(directory):
    return {p.name: p.read_bytes() for p in directory.iterdir() if p.is_file()}


def test_our_criteria_alone_are_dropped():
    assert portable_config(CONFIG) == {**CONFIG, "criterions": [MSE]}


@pytest.mark.parametrize("config", [{"criterions": [SSL]}, {}], ids=["ours", "none"])
def test_configuration_without_another_criterion_gets_espnets(config):
    (criterion,) = portable_config(config)["criterions"]
    assert (criterion["name"], criterion["wrapper"]) == ("snr", "fixed_order")


def test_weights_and_settings_are_copied_and_the_experiment_is_left_alone(exp_dir):
    before = contents(exp_dir)
    portable = export(exp_dir, "1epoch.pth")
    assert portable == exp_dir / "portable"
    assert contents(exp_dir) == before
    written = contents(portable)
    assert set(written) == {"config.yaml", "model.pth"}
    assert written["model.pth"] == before["1epoch.pth"]
    settings = yaml.safe_load(written["config.yaml"])
    assert settings == {**CONFIG, "criterions": [MSE]}


def test_our_preprocessor_is_dropped_and_espnets_stays():
    conf = {"preprocessor": "on_the_fly", "preprocessor_conf": {"noise_scp": "x"}}
    left = portable_config({**CONFIG, **conf})
    assert (left["preprocessor"], left["preprocessor_conf"]) == (None, {})
    conf["preprocessor"] = "enh"
    assert portable_config({**CONFIG, **conf}) == {
        **CONFIG,
        **conf,
        "criterions": [MSE],
    }


def test_half_precision_keeps_whole_numbers(exp_dir):
    whole = torch.tensor([3], dtype=torch.int64)
    state = {"weight": torch.tensor([1 / 3]), "steps": whole}
    torch.save(state, exp_dir / "1epoch.pth")
    portable = export(exp_dir, "1epoch.pth", half=True)
    written = torch.load(portable / "model.pth")
    assert written["weight"].dtype == torch.float16
    assert written["weight"].item() == pytest.approx(1 / 3, rel=1e-3)
    assert torch.equal(written["steps"], whole)


@pytest.mark.parametrize("missing", ["config.yaml", "valid.loss.best.pth"])
def test_missing_file_is_named_before_anything_is_written(exp_dir, missing):
    (exp_dir / missing).unlink()
    with pytest.raises(UserError, match=rf"{missing}: no such file; .*train first"):
        export(exp_dir, "valid.loss.best.pth")
    assert not (exp_dir / "portable").exists()


@pytest.mark.parametrize("part", ["config.yaml", "model.pth"])
def test_interrupted_export_keeps_the_one_before(exp_dir, monkeypatch, part):
    portable = export(exp_dir, "1epoch.pth")
    before = (portable / part).read_bytes()

    def half_then_stop(*args, **kwargs):
        if part == "model.pth":
            args[1].write_bytes(b"be")
        else:
            args[1].write("separ")
        raise KeyboardInterrupt

    owner, name = {
        "config.yaml": (export_module.yaml, "safe_dump"),
        "model.pth": (shutil, "copyfile"),
    }[part]
    monkeypatch.setattr(owner, name, half_then_stop)
    with pytest.raises(KeyboardInterrupt):
        export(exp_dir, "valid.loss.best.pth")
    assert (portable / part).read_bytes() == before
