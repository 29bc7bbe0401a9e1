"""The problems of all configurations at once; where there are none, silence."""

import subprocess
import sys

import pytest
import yaml

from espnet2_ext.bin.check_config import main
from espnet2_ext.errors import UserError
from tests.tasks.conftest import SMALL, SNR
from tests.wrong_files import write_weights


@pytest.fixture
def configs(tmp_path):
    def write(name, **changes):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump({**SMALL, "criterions": [SNR], **changes}))
        return str(path)

    return write


def test_all_problems_are_told_at_once_with_their_files(configs, tmp_path):
    words = [
        *("--config", configs("good")),
        *("--config", configs("bad", separator="tcm")),
        *("--config", configs("worse", max_epoch="ten")),
    ]
    with pytest.raises(UserError) as caught:
        main(words)
    first, second = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path}/bad.yaml: Unknown separator 'tcm'")
    assert second.startswith(f"{tmp_path}/worse.yaml: max_epoch: found 'ten'")


def test_each_configuration_has_its_own_start(configs, tmp_path):
    start = str(write_weights(tmp_path / "a.pth"))
    words = ["--config", configs("a"), "--init_param", ""]
    words += ["--config", configs("b"), "--init_param", start]
    with pytest.raises(UserError, match=r"b\.yaml: init_param .*weight \(1,\)") as e:
        main(words)
    assert "a.yaml" not in str(e.value)


def test_command_is_silent_or_one_line_a_problem(configs):
    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "espnet2_ext.bin.check_config", *words],
            capture_output=True,
            text=True,
            check=False,
        )

    done = run("--config", configs("good"), "--enh_args", "--max_epoch 2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run("--config", configs("good"), "--enh_args", "--max_epoch two")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("ERROR: ")
    assert "--max_epoch: invalid int value: 'two'" in line
