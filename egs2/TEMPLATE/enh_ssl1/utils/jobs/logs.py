"""Logs of jobs: their footers, their last lines, and the closing report."""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

from jobs.messages import say

SHOWN_LOGS = 10  # names of failed logs that are printed
TAIL_LINES = 20  # last lines printed of the first failed log
TAIL_BYTES = 16384
FOOTER = re.compile(r"# (?:Ended \(code (\d+)\)|Finished at .* with status (\d+))")


class Failure(NamedTuple):
    """A job that did not succeed."""

    number: int
    log: str
    how: str  # "with status 5", "(Slurm: TIMEOUT ...)"; may be empty


def last_lines(path: str, count: int) -> list[str]:
    """Last lines of a file that may be large; none if it cannot be read."""
    try:
        with open(path, "rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - TAIL_BYTES))
            return stream.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError:
        return []


def end_code(log: str) -> int | None:
    """Exit code in a log's footer; None if the job never ended.

    Background processes may write behind the footer: the last 10 lines count.
    """
    for line in reversed(last_lines(log, 10)):
        found = FOOTER.match(line)
        if found:
            return int(found[1] or found[2])
    return None


def stamp(log: str) -> tuple[int, ...]:
    """What changes when a log is written again; () without one."""
    try:
        status = os.stat(log)
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_size, status.st_ino


def report(pattern: str, total: int, failures: list[Failure], notes: list[str]) -> int:
    """Print what failed and how; return the exit status, 0 or 1.

    ``pattern`` is the log's name with * for the number; ``notes`` are lines that the
    scheduler wrote.
    """
    if not failures:
        return 0
    failures = sorted(failures)
    first = failures[0]
    how = " " + first.how if first.how else ""
    if total == 1:
        say(f"job failed{how}, log is in {first.log}")
    else:
        say(f"{len(failures)} / {total} failed, log is in {pattern}")
        for failure in failures[:SHOWN_LOGS]:
            say(f"failed: {failure.log} {failure.how}".rstrip())
        if len(failures) > SHOWN_LOGS:
            say(f"... and {len(failures) - SHOWN_LOGS} more")
    if notes:
        say("the scheduler says:")
        _print_indented(notes)
    lines = [x for x in last_lines(first.log, 200) if not x.startswith("# SLURM")]
    lines = lines[-TAIL_LINES:]
    if lines:
        say(f"last lines of {first.log}:")
        _print_indented(lines)
    else:
        say(f"found nothing in {first.log}: the job wrote no line")
    return 1


def _print_indented(lines: list[str]) -> None:
    for line in lines:
        print("    " + line.rstrip(), file=sys.stderr)
    sys.stderr.flush()
