"""Two processes: rank 0 does it first, and its failure leaves nobody waiting."""

import time

import pytest

from espnet2_ext.train.distributed_utils import rank_zero_first
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
