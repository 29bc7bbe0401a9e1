"""A framework that names tasks by a path (ESPnet3, Hydra) finds ours."""

from __future__ import annotations

import subprocess
import sys

from hydra.utils import get_class

PATH = "espnet2_ext.tasks.enh_ssl.SSLEnhancementTask"
ALONE = f"""
import sys
import espnet2.tasks.enh
from hydra.utils import get_class
before = {{name.partition(".")[0] for name in sys.modules}} | sys.stdlib_module_names
task = get_class("{PATH}")
now = {{name.partition(".")[0] for name in sys.modules}}
print(sorted(now - before), task.__name__)
"""


def test_the_task_is_a_class_with_what_espnets_tasks_have():
    from espnet2.tasks.abs_task import AbsTask

    task = get_class(PATH)
    assert issubclass(task, AbsTask)
    parser = task.get_parser()
    assert "nonfinite" in {action.dest for action in parser._actions}
    assert callable(task.main)
    assert task.trainer.__name__ == "Trainer"


def test_importing_it_adds_our_classes_and_loads_nothing_else():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ALONE], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['espnet2_ext'] SSLEnhancementTask"
