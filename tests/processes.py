"""Two processes that talk to each other through gloo."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch.distributed as dist
import torch.multiprocessing as mp


def _worker(rank: int, function: Callable, folder: Path, args: tuple) -> None:
    os.environ |= {"GLOO_SOCKET_IFNAME": "lo"}
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/init",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=120),
    )
    function(rank, folder, *args)
    os._exit(0)  # tearing a process group down can wait for ever


def run_two(function: Callable, folder: Path, *args: Any) -> None:
    """Call ``function(rank, folder, *args)`` in two processes and wait for both."""
    mp.spawn(_worker, (function, folder, args), nprocs=2)
