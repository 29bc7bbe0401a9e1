"""The shim: whose main() is called, with what; training is in tests/tasks."""

import subprocess
import sys

import pytest

from espnet2_ext.__main__ import main
from espnet2_ext.errors import UserError

TOOL = """
import sys
assert __name__ == "shim_tool"
def main():
    from espnet2.tasks.enh import criterion_choices
    print(sys.argv, criterion_choices.get_class("ssl").__name__)
"""


@pytest.fixture
def shim(tmp_path, monkeypatch):
    """Call the shim with arguments; a module ``shim_tool`` can be imported."""
    (tmp_path / "shim_tool.py").write_text(TOOL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shim_tool", raising=False)

    def call(*args):
        monkeypatch.setattr(sys, "argv", ["python3 -m espnet2_ext", *args])
        main()

    yield call
    sys.modules.pop("shim_tool", None)


def test_main_of_the_module_sees_its_own_command_line(shim, tmp_path, capsys):
    shim("-m", "shim_tool", "--config", "a b.yaml")
    argv = [str(tmp_path / "shim_tool.py"), "--config", "a b.yaml"]
    assert capsys.readouterr().out == f"{argv} SSLLoss\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((), r"found arguments \[\]; expected: python -m espnet2_ext -m MODULE"),
        (("-m",), r"found arguments \['-m'\]"),
        (("shim_tool", "shim_tool"), r"found arguments \['shim_tool', 'shim_tool'\]"),
        (("-m", "shim_tol"), "cannot find module 'shim_tol'"),
        (("-m", "no_package.bin.train"), "cannot find module 'no_package.bin.train'"),
        (("-m", "json.decoder"), "module 'json.decoder' has no main"),
    ],
)
def test_wrong_command_line_is_explained(shim, args, message):
    with pytest.raises(UserError, match=message):
        shim(*args)


def test_user_error_is_one_line_and_exit_code_2():
    done = subprocess.run(
        [sys.executable, "-m", "espnet2_ext"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"ERROR: ")
    assert b"Traceback" not in done.stderr
