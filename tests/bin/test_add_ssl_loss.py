"""Adding a loss: the result, the line that makes it again, and refusals."""

import shlex
import subprocess
import sys

import pytest
import yaml

from espnet2_ext.bin import add_ssl_loss
from espnet2_ext.enh.fragment import add_loss
from espnet2_ext.errors import UserError

SNR = {
    "name": "snr",
    "conf": {},
    "wrapper": "fixed_order",
    "wrapper_conf": {"weight": 1.0},
}
SSL = {
    "name": "ssl",
    "conf": {"upstream": "whisper_tiny_en"},
    "wrapper": "fixed_order_with_lengths",
    "wrapper_conf": {"weight": 10.0},
}
CONFIG = {"separator": "tcn", "criterions": [SNR], "batch_size": 4}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run the command on two files in a recipe; gives the path written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    (tmp_path / "ssl.yaml").write_text(yaml.safe_dump(SSL))

    def call(*args):
        files = ["--config", "base.yaml", "--ssl_conf", "ssl.yaml"]
        argv = ["add_ssl_loss", *files, "--output", "out.yaml", *args]
        monkeypatch.setattr(sys, "argv", argv)
        add_ssl_loss.main()
        return tmp_path / "out.yaml"

    return call


def test_loss_is_appended_and_nothing_else_changes():
    assert add_loss(CONFIG, SSL) == {**CONFIG, "criterions": [SNR, SSL]}
    assert CONFIG["criterions"] == [SNR]


@pytest.mark.parametrize("weight", [0.0, 2.5])
def test_weight_replaces_that_of_the_fragment_and_leaves_the_fragment(weight):
    fragment = {**SSL, "wrapper_conf": {"weight": 10.0, "other": 1}}
    criterion = add_loss(CONFIG, fragment, weight)["criterions"][-1]
    assert criterion["wrapper_conf"] == {"weight": weight, "other": 1}
    assert fragment["wrapper_conf"]["weight"] == 10.0


def test_second_loss_has_a_name_of_its_own_in_the_log(command, tmp_path):
    config = {**CONFIG, "criterions": [SNR, SSL]}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    made = yaml.safe_load(command("--name", "second_loss").read_text())
    assert made["criterions"][:2] == [SNR, SSL]
    assert made["criterions"][2]["conf"] == {**SSL["conf"], "name": "second_loss"}


@pytest.mark.parametrize(
    "weight",
    [(), ("--weight", "2.5"), ("--weight", "2.5", "--name", "my_loss")],
    ids=["same", "other", "named"],
)
def test_first_lines_say_how_to_make_the_file_again(command, capsys, weight):
    path = command(*weight)
    assert capsys.readouterr().out.splitlines()[-1] == "out.yaml"
    written = path.read_text()
    config = yaml.safe_load(written)
    assert list(config) == list(CONFIG)  # in the order of the file
    alpha = config["criterions"][-1]["wrapper_conf"]["weight"]
    assert alpha == (2.5 if weight else 10.0)
    made_of, replay = written.splitlines()[:2]
    assert made_of == "# Made of base.yaml and ssl.yaml:"
    program, *args = shlex.split(replay.removeprefix("# python -m "))
    assert program == "espnet2_ext.bin.add_ssl_loss"
    path.unlink()
    assert command(*args).read_text() == written


def test_result_that_could_not_be_trained_is_not_written(command, tmp_path):
    (tmp_path / "out.yaml").write_text("kept")
    (tmp_path / "ssl.yaml").write_text(yaml.safe_dump({**SSL, "name": "sll"}))
    with pytest.raises(UserError, match="Did you mean 'ssl'"):
        command()
    assert (tmp_path / "out.yaml").read_text() == "kept"


def test_interrupted_command_keeps_the_file_before(command, monkeypatch):
    path = command()
    before = path.read_text()

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(add_ssl_loss.yaml, "safe_dump", stop)
    with pytest.raises(KeyboardInterrupt):
        command()
    assert path.read_text() == before


def test_user_error_is_one_line_and_exit_code_2(tmp_path):
    args = ["--config", "none", "--ssl_conf", "none", "--output", "x"]
    done = subprocess.run(
        [sys.executable, "-m", "espnet2_ext.bin.add_ssl_loss", *args],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("ERROR: none: cannot be read")
    assert "Traceback" not in done.stderr
