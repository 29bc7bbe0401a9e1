"""A child process that may die of a question."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics import worker
from espnet2_ext.metrics.worker import Crashed, Worker, isolated

LONG = 60.0


def answer(question: object) -> object:
    match question:
        case ("signal", number):
            os.kill(os.getpid(), number)
        case "abort":
            os.abort()
        case "exit":
            os._exit(3)
        case "hang":
            time.sleep(LONG)
        case "user error":
            raise UserError("no such thing")
        case "local error":

            class Local(Exception):
                pass

            raise Local("of a class that cannot be sent")
        case "pid":
            return os.getpid()
        case "nested":
            return isolated(os.getpid, seconds=LONG) == os.getpid()
        case "torch threads":
            import torch

            return torch.get_num_threads()
    return question


@pytest.fixture
def child():
    made = Worker(answer)
    yield made
    made.close()


def test_one_child_answers_until_it_is_closed(child: Worker) -> None:
    first = child.ask("pid", LONG)
    assert first == child.ask("pid", LONG) != os.getpid()
    assert child.ask([1, "x"], LONG) == [1, "x"]
    child.close()
    assert child.ask("pid", LONG) != first


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (("signal", signal.SIGSEGV), "crashed (SIGSEGV)"),
        (("signal", signal.SIGBUS), "crashed (SIGBUS)"),
        (("signal", signal.SIGFPE), "crashed (SIGFPE)"),
        (("signal", signal.SIGKILL), "was killed (SIGKILL): out of memory?"),
        (("signal", signal.SIGTERM), "crashed (SIGTERM)"),
        ("abort", "crashed (SIGABRT)"),
        ("exit", "ended its process (exit code 3)"),
    ],
)
def test_death_costs_one_answer_and_is_named(
    child: Worker, question: object, reason: str
) -> None:
    before = child.ask("pid", LONG)
    with pytest.raises(Crashed) as caught:
        child.ask(question, LONG)
    assert str(caught.value) == reason
    assert child.ask("pid", LONG) != before


def test_hang_ends_at_the_time_limit(child: Worker) -> None:
    start = time.monotonic()
    with pytest.raises(Crashed, match="took more than 1 s"):
        child.ask("hang", 1)
    assert time.monotonic() - start < LONG / 2
    assert child.ask("fine", LONG) == "fine"


def test_time_limit_is_of_each_question(child: Worker) -> None:
    child.ask("fine", 0.3)
    time.sleep(0.5)
    assert child.ask("fine", 0.3) == "fine"


def test_child_that_died_between_questions_is_replaced(child: Worker) -> None:
    pid = child.ask("pid", LONG)
    os.kill(pid, signal.SIGKILL)
    while pid in [process.pid for process in multiprocessing.active_children()]:
        time.sleep(0.05)
    assert child.ask("fine", LONG) == "fine"


def test_exceptions_are_raised_here(child: Worker) -> None:
    with pytest.raises(UserError, match="no such thing"):
        child.ask("user error", LONG)
    with pytest.raises(RuntimeError, match="Local: of a class that cannot be sent"):
        child.ask("local error", LONG)
    assert child.ask("fine", LONG) == "fine"


def test_within_a_child_nothing_is_forked(child: Worker) -> None:
    assert child.ask("nested", LONG) is True
    assert isolated(os.getpid, seconds=LONG) != os.getpid()


def test_torch_of_the_parent_does_not_hang_the_child(child: Worker) -> None:
    pytest.importorskip("torch")
    assert child.ask("torch threads", LONG) == 1


ORPHAN = """
import os, sys
from espnet2_ext.metrics.worker import Worker
child = Worker(lambda question: os.getpid())
print(child.ask(0, 60), flush=True)
os.kill(os.getpid(), 9)
"""


def test_child_ends_with_a_killed_parent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, timeout=60, check=False
    )
    pid = int(done.stdout)
    deadline = time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_this_process_is_no_child() -> None:
    assert not worker.inside()
