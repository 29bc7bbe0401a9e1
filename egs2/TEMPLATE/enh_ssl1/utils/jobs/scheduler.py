"""What slurm.py and grid_engine.py have in common: the questions put to a scheduler."""

from __future__ import annotations

import subprocess
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

# FAILED: the job script ended badly; KILLED: the scheduler ended it
WAITING, RUNNING, NEVER, ENDED, FAILED, KILLED, GONE = range(7)


class State(NamedTuple):
    """What the scheduler says about one job or one task of an array."""

    kind: int  # WAITING ... GONE
    name: str  # the scheduler's own word
    reason: str = ""


class Answer(NamedTuple):
    """Output of one of the scheduler's commands."""

    status: int
    stdout: str
    stderr: str


class Scheduler(ABC):
    """One submitted job or array. Subclasses fill in the commands."""

    name = ""
    default_conf = ""  # used when there is no conf file
    task_variable = ""  # holds the number within a job
    done_dir = ""  # within q/
    environment = ":"  # shell command that prints header lines
    lost_grace = 60.0  # seconds; ended well or forgotten: NFS may be this late
    removed = "cancelled while it waited"  # a task that waited is no longer known
    is_restart = "false"  # shell command: whether the job was requeued

    def __init__(self) -> None:
        self.job_id = ""

    @abstractmethod
    def array_flags(self, numbers: list[int], limit: int) -> str:
        """Flags for an array of these numbers, ``limit`` (0: all) at a time."""

    def raw_flags(self, words: list[str]) -> list[str]:
        """Flags given on the command line that this scheduler understands."""
        return words

    def prepare(self, numbers: list[int]) -> str:
        """Shell lines at the beginning of an array's job script."""
        return ""

    @abstractmethod
    def log_flags(self, queue_log: str) -> str:
        """Flags that send stray output to ``queue_log``."""

    @abstractmethod
    def read_job_id(self, output: str) -> bool:
        """Take the job's id from the submit command's output."""

    @abstractmethod
    def is_unreachable(self, output: str) -> bool:
        """Whether an error means that the controller cannot be reached now."""

    @abstractmethod
    def query(self) -> list[str]:
        """Return the command that lists the states."""

    @abstractmethod
    def read_states(self, answer: Answer) -> dict[int, State] | None:
        """States by number (a job without JOB= is 0); None: no answer.

        A task that the scheduler no longer knows is left out.
        """

    @abstractmethod
    def never_starting(self, waiting: dict[int, State]) -> dict[int, str]:
        """Why waiting tasks can never start, by number; without those that may."""

    def held(self, waiting: dict[int, State]) -> str:
        """What keeps waiting tasks back that a person may end; "" if nothing."""
        return ""

    def look_back(self) -> dict[int, State]:
        """Ask the accounting about ended tasks; without those it does not know."""
        return {}

    def explain(self, number: int) -> str:
        """More about a task that was killed: node, exit code; may be empty."""
        return ""

    @abstractmethod
    def cancel(self, numbers: list[int] | None = None) -> list[str]:
        """Return the command that ends these tasks, or the whole job."""

    def still_runs(self, note: dict[str, Any]) -> bool:
        """Whether the job of a wrapper that was killed is still in the cluster.

        Args:
            note: its ``job`` and the ``query`` that lists its states. Without an
                answer the job is taken to run.
        """
        before, self.job_id = self.job_id, str(note.get("job", ""))
        states = self.read_states(ask(list(note["query"])))
        self.job_id = before
        if states is None:
            return True
        return any(s.kind in (WAITING, RUNNING, NEVER) for s in states.values())

    @abstractmethod
    def hint(self) -> str:
        """Return the command that shows a person more."""


def ask(command: list[str], seconds: float = 30.0) -> Answer:
    """Run one of the scheduler's commands; Ctrl-C does not reach it."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Answer(-1, "", f"{command[0]} gave no answer within {seconds:.0f} s")
    except OSError as error:
        return Answer(-1, "", f"{command[0]}: {error.strerror}")
    return Answer(done.returncode, done.stdout, done.stderr)
