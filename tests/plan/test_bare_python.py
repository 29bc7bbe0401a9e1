"""The plan comes before the environment: it runs where nothing is installed."""

import subprocess
import sys

from tests.conftest import ROOT

WITHOUT_PACKAGES = f"import sys; sys.path.insert(0, {str(ROOT)!r}); "


def run(code):
    """Run code with the standard library and this package alone."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", WITHOUT_PACKAGES + code],
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_no_package_in_this_test():
    assert "No module named 'yaml'" in run("import yaml").stderr


def test_every_part_of_the_plan_is_imported():
    done = run(
        "import importlib, pkgutil, espnet2_ext.bin.plan, espnet2_ext.plan as plan; "
        "[importlib.import_module('espnet2_ext.plan.' + m.name) "
        "for m in pkgutil.iter_modules(plan.__path__)]"
    )
    assert done.returncode == 0, done.stderr[-2000:]
