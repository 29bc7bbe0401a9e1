"""README's first command on a system that lacks something says what set-up says."""

from __future__ import annotations

import shutil

import pytest
from helpers import ROOT, run
from test_system import LACKING, System, names

# Of the core of every system (coreutils): what the recipes' scripts begin with.
CORE = ("basename", "cut", "date", "head", "nproc", "readlink", "seq", "sort", "tr")


@pytest.mark.parametrize("take", LACKING)
def test_nothing_that_set_up_can_name_is_needed_before_it(tmp_path, take):
    system = System(tmp_path)
    checkout = system.tools.parent
    for name in ("TEMPLATE", "debian_speech"):
        shutil.copytree(
            ROOT / "egs2" / name,
            checkout / "egs2" / name,
            symlinks=True,
            ignore=shutil.ignore_patterns("downloads", "data", "dump", "exp"),
        )
    for name in CORE:
        (system.bin / name).symlink_to(shutil.which(name))
    expected = take(system)
    system.program("id", "echo 1000")
    run_sh = checkout / "egs2/debian_speech/enh_ssl1/run.sh"
    done = run([run_sh], checkout, PATH=str(system.bin), CC="", PYTHON="")
    assert sorted(names(done.stderr)) == sorted(expected), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 1
