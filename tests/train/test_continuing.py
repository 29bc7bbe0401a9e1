"""What may change in a training that goes on, and what is said of the rest."""

import io

import pytest
import yaml

from espnet2_ext.bin import fingerprint, training_inputs
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.train.continuing import MAY_CHANGE, without_what_may_change

BEFORE = {"max_epoch": 1, "batch_size": 4, "optim_conf": {"lr": 0.1}}


@pytest.fixture
def changes(tmp_path, monkeypatch, capsys):
    """Train with one configuration, ask for another: the lines that differ."""
    exp, path = tmp_path / "exp", tmp_path / "train.yaml"
    exp.mkdir()

    def printed(content, words):
        path.write_text(yaml.safe_dump(content))
        fingerprint.main(["--training", str(path), "--option", f"enh_args {words}"])
        return capsys.readouterr().out

    def compare(now, before=BEFORE, words=("", "")):
        (exp / ".inputs").write_text(printed(before, words[0]))
        trained = {**before, "optim_conf": {**before["optim_conf"], "eps": 1}}
        (exp / "config.yaml").write_text(yaml.safe_dump(trained))
        monkeypatch.setattr("sys.stdin", io.StringIO(printed(now, words[1])))
        training_inputs.main(["--begun", str(exp / ".inputs")])
        return capsys.readouterr().out.splitlines()

    return compare


@pytest.mark.parametrize("key", MAY_CHANGE)
def test_options_that_may_change_are_options_and_make_no_difference(changes, key):
    assert key in {a.dest for a in SSLEnhancementTask.get_parser()._actions}
    assert changes({**BEFORE, key: 77}) == []
    assert changes(BEFORE, {**BEFORE, key: 77}) == []
    assert changes(BEFORE, words=("", f"--{key} 77")) == []
    assert changes(BEFORE, words=(f"--{key} 7 --x 1", f"--x 1 --{key}=77")) == []


@pytest.mark.parametrize(
    "key", ["batch_size", "seed", "criterions", "optim", "accum_grad"]
)
def test_all_else_makes_a_difference(changes, key):
    assert changes({**BEFORE, key: 7})
    assert changes(BEFORE, words=("", f"--{key} 7"))
    assert changes(BEFORE, {**BEFORE, key: 7})


def test_options_that_differ_are_named(changes):
    now = {**BEFORE, "batch_size": 8, "optim_conf": {"lr": 0.2}, "max_epoch": 3}
    lines = changes(now)
    assert "  batch_size: 4 then, 8 now" in lines
    assert "  optim_conf: {'eps': 1, 'lr': 0.1} then, {'lr': 0.2} now" in lines
    assert not [line for line in lines if "max_epoch" in line]


def test_several_values_go_with_their_option():
    words = ["--a", "1", "--keep_nbest_models", "1", "5", "--b", "2"]
    assert without_what_may_change(words) == ["--a", "1", "--b", "2"]


def test_what_may_change_is_listed(capsys):
    training_inputs.main(["--may_change"])
    assert capsys.readouterr().out.split() == list(MAY_CHANGE)
