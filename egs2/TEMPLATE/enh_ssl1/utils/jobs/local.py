"""run.pl and stdout.pl: commands on this machine."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

from jobs.command_line import CommandLine, parse
from jobs.holding import Holding, is_plain
from jobs.logs import Failure, end_code, report
from jobs.messages import fail, say
from jobs.signals import Signals

POLL_SECONDS = 0.05
FIRST_POLL_SECONDS = 0.002  # a short job is noticed soon, a long one costs nothing
GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Ask Linux to end the new process should this one be killed."""
    assert LIBC is not None
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Job:
    """One running command with its log."""

    def __init__(self, number: int, log: str, command: str, threads: int) -> None:
        self.number, self.log, self.threads = number, log, threads
        self.started = time.time()
        try:
            os.makedirs(os.path.dirname(log) or ".", exist_ok=True)
            with open(log, "w", encoding="utf-8") as stream:
                stream.write(f"# {command}\n# Started at {time.ctime()}\n#\n")
        except OSError as error:
            fail(f"cannot write the log {log}: {error.strerror}")
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

    def __init__(self, line: CommandLine, echo: bool) -> None:
        self.line, self.echo = line, echo
        self.limit = 1 if echo else most_at_once(line)
        self.pick = line.options.get("pick", "all")
        self.running: list[Job] = []
        self.failures: list[Failure] = []
        self.signals = Signals()
        logs = [line.log_of(number) for number in line.numbers()]
        logs = [log for log in logs if is_plain(log)]
        self.holding = Holding(logs, " ".join(line.command))
        self.shown = 0  # bytes of the current log that were echoed
        self.poll_seconds = FIRST_POLL_SECONDS

    def run(self) -> int:
        """Start every job that is wanted, wait for all; return the exit status."""
        self.signals.watch()
        self.holding.take()
        try:
            return self.run_all()
        finally:
            self.holding.release()

    def run_all(self) -> int:
        """Do what ``run`` says, with the logs in our hands."""
        for number in self.line.numbers():
            log = self.line.log_of(number)
            code = None if self.pick == "all" else end_code(log)
            if code == 0:
                continue
            if code is not None and self.pick == "incomplete":
                self.failures.append(Failure(number, log, ""))  # still a failure
                continue
            while len(self.running) >= self.limit:
                self.collect()
            self.start(number, log)
        while self.running:
            self.collect()
        pattern = self.line.numbered(self.line.log, "*")
        return report(pattern, len(self.line.numbers()), self.failures, [])

    def start(self, number: int, log: str) -> None:
        """Start one job."""
        command = self.line.shell_command(str(number))
        self.running.append(Job(number, log, command, self.line.threads))
        self.poll_seconds = FIRST_POLL_SECONDS
        self.shown = 0

    def collect(self) -> None:
        """Wait until at least one job has ended."""
        before = len(self.running)
        while len(self.running) == before:
            for job in [job for job in self.running if job.process.poll() is not None]:
                self.running.remove(job)
                code = job.finish()
                self.show(job.log)
                if code != 0:
                    self.failures.append(Failure(job.number, job.log, ""))
            if len(self.running) == before:
                if self.signals.check():
                    self.stop(self.signals.caught)
                self.show(self.running[0].log)
                time.sleep(self.poll_seconds)
                self.poll_seconds = min(1.5 * self.poll_seconds, POLL_SECONDS)

    def show(self, log: str) -> None:
        """Copy what is new in a log to standard output (stdout.pl)."""
        if not self.echo:
            return
        with open(log, "rb") as stream:
            stream.seek(self.shown)
            text = stream.read()
        self.shown += len(text)
        sys.stdout.buffer.write(text)
        sys.stdout.flush()

    def stop(self, number: int) -> None:
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
        self.holding.release()
        say(f"stopped by signal {number}")
        os._exit(128 + number)


def most_at_once(line: CommandLine) -> int:
    """Jobs at once: what was asked for, else processors, or GPUs where asked for."""
    limits = [line.whole_number("max_jobs_run", 0)]
    places = [i for i, word in enumerate(line.raw) if word == "-tc"]
    limits += [int(line.raw[i + 1]) for i in places if line.raw[i + 1].isdigit()]
    gpus = line.whole_number("gpu", 0)
    given = [limit for limit in limits if limit]
    if given:
        return min(given)
    if gpus == 0:
        return len(os.sched_getaffinity(0))
    if shutil.which("nvidia-smi") is None:
        return 1
    listed = subprocess.run(
        ["nvidia-smi", "-L"], capture_output=True, text=True, check=False
    ).stdout
    return max(1, len(listed.splitlines()) // gpus)


def main(usage: str, echo: bool = False) -> None:
    """Entry point of run.pl, and with ``echo`` of stdout.pl."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(usage)
        sys.exit(0 if len(sys.argv) > 1 else 1)
    sys.exit(Runner(parse(sys.argv[1:]), echo).run())
