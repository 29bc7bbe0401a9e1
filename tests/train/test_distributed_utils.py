"""Two processes: rank 0 does it first, and its failure leaves nobody waiting."""

import os
import time

import pytest
import torch.distributed as dist
import torch.multiprocessing as mp

from espnet2_ext.train.distributed_utils import rank_zero_first


def worker(rank, folder, fails):
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo"}
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/init", rank=rank, world_size=2
    )
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
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ("fails", "seen"), [(False, ("True", "True")), (True, ("failed", "False"))]
)
def test_rank_zero_is_first_and_never_the_last_word(tmp_path, fails, seen):
    mp.spawn(worker, (tmp_path, fails), nprocs=2)
    assert tuple((tmp_path / f"seen{r}").read_text() for r in (0, 1)) == seen


def test_a_single_process_waits_for_nobody():
    with rank_zero_first():
        pass
