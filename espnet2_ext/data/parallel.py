"""The same work on many items, in several processes, with a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def in_parallel(
    work: Callable[[Any], Any],
    items: Sequence[Any],
    jobs: int,
    title: str,
    silent: bool = False,
) -> Iterator[Any]:
    """Map ``work`` over the items, in order.

    Args:
        work: a function that can be pickled.
        items: its arguments.
        jobs: processes; with one, the work is done in this process.
        title: of the bar.
        silent: draw no bar.
    """
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread and forked workers do not go together
    options = {"total": len(items), "desc": title, "mininterval": 2}
    options |= {"file": sys.stderr, "disable": silent}
    if jobs <= 1:
        yield from tqdm(map(work, items), **options)
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from tqdm(workers.map(work, items, chunksize=8), **options)
