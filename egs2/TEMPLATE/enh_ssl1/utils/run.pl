#!/usr/bin/env python3
"""Run a command, or an array of them, on this machine; Kaldi's run.pl contract.

    run.pl [options] [JOB=m:n] LOG COMMAND ARGS...

Options may stand before or after JOB=m:n. The name JOB is free; every occurrence
of it in LOG and COMMAND becomes the job's number. An argument without white space
reaches bash as it is (so an escaped `|`, `>` or `;` works); one with white space is
quoted with "...", or with '...' when it contains a double quote.

Options with an effect: --max-jobs-run N (or -tc N), --gpu N, --num-threads N (for the
log), --pick all|failed|incomplete (repeat only what has not succeeded / not ended).
Those for a cluster (--mem T, --time T, --name X, --config F, ...) have none here.
Exit status: 0 if every job succeeded, 1 if one failed, 128 + N after signal N.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

JOB_RANGE = re.compile(r"^([A-Za-z_]\w*)=(\d+)(?::(\d+))?$")
SHOWN_LOGS = 10  # names of failed logs that are printed
TAIL_LINES = 20  # last lines printed of the first failed log
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Options:
    """What the options in front of the log file asked for."""

    def __init__(self) -> None:
        self.max_jobs = 0  # 0: not given
        self.gpus = 0  # GPUs per job
        self.threads = 1
        self.pick = "all"
        self.job = ""  # the name standing for the number; "" without JOB=
        self.first = 1
        self.last = 1


def fail(message: str) -> NoReturn:
    """Print one line and stop with status 1."""
    sys.exit(f"run.pl: {message}")


def parse(args: list[str]) -> tuple[Options, list[str]]:
    """Split the command line into options and [LOG, COMMAND, ARGS...]."""
    options = Options()
    rest = list(args)
    while rest:
        found = JOB_RANGE.match(rest[0])
        if found and not options.job:
            set_range(options, found)
            rest.pop(0)
        elif rest[0].startswith("-") and len(rest) > 1:
            parse_switch(options, rest)
        else:
            break
    if len(rest) < 2:
        fail("expected [options] [JOB=1:n] LOG COMMAND ARGS...; found too few words")
    if options.last > options.first and options.job not in rest[0]:
        fail(f"parallel jobs need their own logs; put {options.job} into '{rest[0]}'")
    return options, rest


def set_range(options: Options, found: re.Match[str]) -> None:
    """Take over JOB=m:n or JOB=m."""
    options.job = found[1]
    options.first = int(found[2])
    options.last = int(found[3] or found[2])
    if options.first < 1:
        fail(f"found range {found[0]}; a job number must be at least 1")
    if options.first > options.last:
        fail(f"found range {found[0]}; the first must not be above the last")


def parse_switch(options: Options, rest: list[str]) -> None:
    """Remove one option and its values from the front of ``rest``."""
    switch = rest.pop(0)
    if switch == "-V":
        return
    value = rest.pop(0)
    name = switch.lstrip("-").replace("_", "-")
    if name in ("max-jobs-run", "tc"):
        limit = whole_number(switch, value)
        options.max_jobs = min(options.max_jobs or limit, limit)
    elif name == "gpu":
        options.gpus = whole_number(switch, value)
    elif name == "num-threads":
        options.threads = whole_number(switch, value)
    elif name == "pick":
        if value not in ("all", "failed", "incomplete"):
            fail(f"found --pick {value}; expected all, failed or incomplete")
        options.pick = value
    elif name == "pe" and rest:  # Grid Engine: -pe smp 5
        rest.pop(0)
    elif value.startswith("--"):
        sys.stderr.write(f"run.pl: warning: suspicious value '{value}' of {switch}\n")


def whole_number(switch: str, value: str) -> int:
    """Read a number that is at least 0."""
    if not value.isdigit():
        fail(f"found {switch} {value}; expected a whole number")
    return int(value)


def quote(word: str) -> str:
    """Quote one argument the way Kaldi's wrappers do."""
    if re.fullmatch(r"\S+", word):
        return word
    return f"'{word}'" if '"' in word else f'"{word}"'


def default_limit(options: Options) -> int:
    """Jobs at once: processors, or GPUs when GPUs are asked for."""
    if options.gpus == 0:
        return len(os.sched_getaffinity(0))
    if shutil.which("nvidia-smi") is None:
        return 1
    listed = subprocess.run(
        ["nvidia-smi", "-L"], capture_output=True, text=True, check=False
    ).stdout
    return max(1, len(listed.splitlines()) // options.gpus)


def end_code(log: str) -> int | None:
    """Exit code in a log's footer; None if the job never ended."""
    try:
        with open(log, encoding="utf-8", errors="replace") as stream:
            lines = stream.readlines()[-10:]
    except OSError:
        return None
    for line in reversed(lines):
        found = re.match(r"# Ended \(code (\d+)\)", line)
        if found:
            return int(found[1])
    return None


def die_with_parent() -> None:
    """Ask Linux to end the new process should this one be killed."""
    assert LIBC is not None
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Job:
    """One running command with its log."""

    def __init__(self, number: int, log: str, command: str, threads: int) -> None:
        self.number, self.log, self.threads = number, log, threads
        os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
        self.started = time.time()
        with open(log, "w", encoding="utf-8") as stream:
            stream.write(f"# {command}\n# Started at {time.ctime()}\n#\n")
        with open(log, "ab") as stream:
            self.process = subprocess.Popen(
                ["bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent if LIBC else None,
            )

    def finish(self) -> int:
        """Write the footer; return the exit code (128 + N after signal N)."""
        code = self.process.wait()
        code = 128 - code if code < 0 else code
        seconds = int(time.time() - self.started)
        with open(self.log, "a", encoding="utf-8") as stream:
            stream.write(
                f"# Accounting: time={seconds} threads={self.threads}\n"
                f"# Ended (code {code}) at {time.ctime()}, "
                f"elapsed time {seconds} seconds\n"
            )
        return code

    def signal(self, number: int) -> None:
        """Send a signal to the job and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


class Runner:
    """Runs the array, a limited number of jobs at a time."""

    def __init__(self, options: Options, words: list[str]) -> None:
        self.options, self.log = options, words[0]
        self.command = " ".join(quote(word) for word in words[1:])
        self.limit = options.max_jobs or default_limit(options)
        self.running: list[Job] = []
        self.failed: list[tuple[int, str]] = []
        self.owner = int(os.environ.get("RUN_PL_OWNER", "0"))

    def numbered(self, text: str, number: int) -> str:
        """Put the job's number in place of its name."""
        return text.replace(self.options.job, str(number)) if self.options.job else text

    def run(self) -> None:
        """Start every job that is wanted and wait for all of them."""
        for number in range(self.options.first, self.options.last + 1):
            log = self.numbered(self.log, number)
            code = None if self.options.pick == "all" else end_code(log)
            if code == 0:
                continue
            if code is not None and self.options.pick == "incomplete":
                self.failed.append((number, log))  # not repeated, still a failure
                continue
            while len(self.running) >= self.limit:
                self.collect()
            command = self.numbered(self.command, number)
            self.running.append(Job(number, log, command, self.options.threads))
        while self.running:
            self.collect()

    def collect(self) -> None:
        """Wait until at least one job has ended."""
        before = len(self.running)
        while len(self.running) == before:
            for job in [job for job in self.running if job.process.poll() is not None]:
                self.running.remove(job)
                if job.finish() != 0:
                    self.failed.append((job.number, job.log))
            if len(self.running) == before:
                self.stop_if_orphaned()
                time.sleep(POLL_SECONDS)

    def stop_if_orphaned(self) -> None:
        """Stop when the recipe that (indirectly) started us has been killed."""
        try:
            if self.owner:
                os.kill(self.owner, 0)
        except ProcessLookupError:
            self.stop(signal.SIGTERM, None)

    def stop(self, number: int, _frame: FrameType | None) -> None:
        """End every job, write their footers, leave with 128 + signal."""
        for job in self.running:
            job.signal(signal.SIGTERM)
        deadline = time.time() + GRACE_SECONDS
        while time.time() < deadline and any(
            job.process.poll() is None for job in self.running
        ):
            time.sleep(POLL_SECONDS)
        for job in self.running:
            job.signal(signal.SIGKILL)
            job.finish()
        print(f"run.pl: stopped by signal {number}", file=sys.stderr)
        os._exit(128 + number)

    def report(self) -> int:
        """Print what failed; return the exit status."""
        if not self.failed:
            return 0
        self.failed.sort()
        logs = [log for _, log in self.failed]
        total = self.options.last - self.options.first + 1
        lines = [f"run.pl: job failed, log is in {logs[0]}"]
        if total > 1:
            where = self.log.replace(self.options.job, "*")
            lines = [f"run.pl: {len(logs)} / {total} failed, log is in {where}"]
            lines += [f"run.pl: failed: {log}" for log in logs[:SHOWN_LOGS]]
            if len(logs) > SHOWN_LOGS:
                lines.append(f"run.pl: ... and {len(logs) - SHOWN_LOGS} more")
        print(*lines, f"run.pl: last lines of {logs[0]}:", sep="\n", file=sys.stderr)
        with open(logs[0], encoding="utf-8", errors="replace") as stream:
            for line in stream.readlines()[-TAIL_LINES:]:
                print("    " + line.rstrip(), file=sys.stderr)
        return 1


def main() -> None:
    """Entry point."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 1)
    options, words = parse(sys.argv[1:])
    runner = Runner(options, words)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, runner.stop)
    runner.run()
    sys.exit(runner.report())


if __name__ == "__main__":
    main()
