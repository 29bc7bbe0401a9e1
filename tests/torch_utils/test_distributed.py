"""Two processes: rank 0 does it first, and its failure leaves nobody waiting."""

import os
import subprocess
import sys
import time

import pytest

from espnet2_ext.torch_utils.distributed import rank_zero_first
from tests.processes import run_two


def worker(rank, folder, fails):
    try:
        with rank_zero_first():
            if rank == 0:
                time.sleep(1)  # a download
                if fails:
                    raise RuntimeError("no network")
                (folder / "weights").write_text("complete")
            found = (folder / "weights").exists()
            (folder / f"seen{rank}").write_text(str(found))
    except RuntimeError:
        (folder / f"seen{rank}").write_text("failed")


@pytest.mark.parametrize(
    ("fails", "seen"), [(False, ("True", "True")), (True, ("failed", "False"))]
)
def test_rank_zero_is_first_and_never_the_last_word(tmp_path, fails, seen):
    run_two(worker, tmp_path, fails)
    assert tuple((tmp_path / f"seen{r}").read_text() for r in (0, 1)) == seen


def test_a_single_process_waits_for_nobody():
    with rank_zero_first():
        pass


@pytest.mark.parametrize("together", [True, False])
def test_only_a_process_of_several_ends_without_its_teardown(tmp_path, together):
    begin = "dist.init_process_group('gloo', init_method='file://{}/x', **alone)"
    code = f"""
import atexit, torch.distributed as dist
from espnet2_ext.torch_utils.distributed import end_without_teardown
atexit.register(print, "torn down")
alone = {{"rank": 0, "world_size": 1}}
{begin.format(tmp_path) if together else ""}
print("done")
end_without_teardown()
"""
    env = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == (
        ["done"] if together else ["done", "torn down"]
    )
