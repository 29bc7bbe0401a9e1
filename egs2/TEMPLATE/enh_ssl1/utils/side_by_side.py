#!/usr/bin/env python3
r"""Run jobs side by side, show how far they are, and stamp those that are done.

    side_by_side.py --at_once 2 JOBS

JOBS is a file of words that end with NUL. A job is

    TITLE LOG STAMP FINGERPRINT NUMBER WORD...

with NUMBER words of its command. LOG is the file that a person looks at; what the
command itself prints goes to its neighbour ``*.out``. A job that succeeds writes
FINGERPRINT to STAMP, unless that is empty. After a failure nothing new is started, and
what still runs is waited for.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL = 0.2  # seconds
SHOWN_EVERY = 30.0  # seconds
TAIL = 2000  # bytes of a log that are looked at for its last line
NO_PROGRESS = re.compile(r"^ |^$|Warning")  # lines that do not say how far a job is


@dataclass(frozen=True)
class Job:
    """A command, and the files that belong to it."""

    title: str
    log: Path
    stamp: str
    fingerprint: str
    command: tuple[str, ...]

    @property
    def out(self) -> Path:
        """What the command itself prints."""
        return self.log.with_suffix(".out")


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--at_once", type=int, default=1, help="how many at a time")
    parser.add_argument("jobs", type=Path, help="a file")
    return parser


def read_jobs(path: Path) -> Iterator[Job]:
    """Yield the jobs of a file of words that end with NUL."""
    words = iter(path.read_bytes().decode(errors="surrogateescape").split("\0")[:-1])
    for title in words:
        log, stamp, fingerprint, number = (next(words) for _ in range(4))
        command = tuple(next(words) for _ in range(int(number)))
        yield Job(title, Path(log), stamp, fingerprint, command)


def say(message: str) -> None:
    """Print a line as the staged scripts do."""
    print(time.strftime("%Y-%m-%dT%H:%M:%S"), message, flush=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file under its name only when complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    temporary.replace(path)


def start(job: Job) -> subprocess.Popen[bytes]:
    """Start a command in the background."""
    say(f"  {job.title} -> log: {job.log}")
    job.log.parent.mkdir(parents=True, exist_ok=True)
    with open(job.out, "wb") as out:
        return subprocess.Popen(
            job.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )


def explain(job: Job) -> None:
    """Show why a job failed: what the user can mend, else its last lines."""
    lines = job.out.read_text(encoding="utf-8", errors="replace").splitlines()
    # a launcher's own traceback would hide the one line that says what to do
    if errors := sorted({line for line in lines if line.startswith("ERROR: ")}):
        print("", *errors, sep="\n", file=sys.stderr, flush=True)
    else:
        head = f"\n---- last lines of {job.out} ----"
        print(head, *lines[-30:], "----", sep="\n", file=sys.stderr, flush=True)


def last_line(log: Path) -> str:
    """Return the newest line of a log that says how far the job is."""
    try:
        with open(log, "rb") as stream:
            stream.seek(max(0, log.stat().st_size - TAIL))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [x for x in re.split(r"[\r\n]", text) if not NO_PROGRESS.search(x)]
    return lines[-1][:150] if lines else ""


def finish(job: Job, status: int) -> str:
    """Stamp a job that succeeded; return what is to be said of another."""
    if status == 0:
        if job.stamp:
            write_whole(Path(job.stamp), f"{job.fingerprint}\n")
        return ""
    explain(job)
    say(
        f"  {job.title} failed; jobs that still run are waited for, "
        "no new one is started"
    )
    status = 128 - status if status < 0 else status  # as a shell counts signals
    return f"{job.title} failed with status {status}, log: {job.log}"


def run_all(waiting: deque[Job], at_once: int) -> list[str]:
    """Run jobs.

    Args:
        waiting: in the order in which they start; emptied.
        at_once: how many run at a time.

    Returns:
        What failed, a line each.
    """
    running: dict[Job, subprocess.Popen[bytes]] = {}
    failed: list[str] = []
    shown = time.monotonic()
    try:
        while running or (waiting and not failed):
            while waiting and not failed and len(running) < at_once:
                job = waiting.popleft()
                running[job] = start(job)
            for job, process in list(running.items()):
                if (status := process.poll()) is not None:
                    del running[job]
                    failed += filter(None, [finish(job, status)])
            if time.monotonic() - shown > SHOWN_EVERY:
                shown = time.monotonic()
                for job in running:
                    say(f"  {job.title}: {last_line(job.log)}")
            time.sleep(POLL)
    finally:  # a signal
        for process in running.values():
            process.terminate()
        for process in running.values():
            process.wait()
    return failed


def main(argv: Sequence[str] | None = None) -> None:
    """Run the jobs; end with 1 if one failed."""
    args = get_parser().parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    if failed := run_all(deque(read_jobs(args.jobs)), args.at_once):
        print("ERROR:", "; ".join(failed), file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
