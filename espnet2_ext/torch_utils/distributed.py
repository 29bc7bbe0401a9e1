"""What the processes of one training agree on."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch.distributed as dist
from torch import Tensor


def _together() -> bool:
    return dist.is_available() and dist.is_initialized()


def process_rank() -> int:
    """Give the rank of this process; 0 if it is alone."""
    return dist.get_rank() if _together() else 0


def sum_over_processes(values: Tensor) -> Tensor:
    """Add ``values`` of all processes, the same in each; alone, they are the sum."""
    if _together():
        values = values.clone()
        dist.all_reduce(values)
    return values


def gather_from_processes(value: Any) -> list[Any]:
    """List the ``value`` of every process, the same list in each."""
    if not _together():
        return [value]
    values = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


@contextmanager
def rank_zero_first() -> Iterator[None]:
    """Run the block on rank 0 first, so that a download happens once.

    If rank 0 fails, the others try too, so that nobody waits for ever.
    """
    together = _together()
    if together and dist.get_rank() != 0:
        dist.barrier()
    try:
        yield
    finally:
        if together and dist.get_rank() == 0:
            dist.barrier()


def end_without_teardown() -> None:
    """End a process that has done its part, if it is one of several on CPUs.

    gloo's threads may outlive the interpreter: after a training that went well the
    process then aborts ("terminate called without an active exception"), and the job
    counts as failed. Alone, or with another backend, nothing happens.
    """
    if _together() and dist.get_backend() == "gloo":
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
