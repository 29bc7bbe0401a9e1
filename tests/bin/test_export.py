import subprocess
import sys

import pytest

from espnet2_ext.bin import export
from tests.wrong_files import write_weights


def test_command_prints_where_the_export_is(tmp_path, monkeypatch, capsys):
    exp_dir = tmp_path / "exp"
    exp_dir.mkdir()
    (exp_dir / "config.yaml").write_text("criterions: [{name: ssl}]\n")
    write_weights(exp_dir / "valid.loss.best.pth", 1.0)
    monkeypatch.setattr(sys, "argv", ["export", "--exp_dir", str(exp_dir)])
    export.main()
    assert capsys.readouterr().out.strip() == str(exp_dir / "portable")
    best = (exp_dir / "valid.loss.best.pth").read_bytes()
    assert (exp_dir / "portable/model.pth").read_bytes() == best


@pytest.mark.parametrize("command", ["export", "pack"])
def test_user_error_is_one_line_and_exit_code_2(command, tmp_path):
    args = ["--exp_dir", tmp_path / "none"]
    if command == "pack":
        args += ["--outpath", tmp_path / "a.zip"]
    done = subprocess.run(
        [sys.executable, "-m", f"espnet2_ext.bin.{command}", *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr
