"""What the processes of one training agree on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist


@contextmanager
def rank_zero_first() -> Iterator[None]:
    """Let rank 0 do the body, then the others: a download happens once.

    If rank 0 fails, the others try too, so that nobody waits for ever.
    """
    together = dist.is_available() and dist.is_initialized()
    if together and dist.get_rank() != 0:
        dist.barrier()
    try:
        yield
    finally:
        if together and dist.get_rank() == 0:
            dist.barrier()
