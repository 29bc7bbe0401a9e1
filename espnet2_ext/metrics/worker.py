"""A child process in which native code may crash or hang: it costs one answer.

The child is forked once and answers until it dies; then the next question gets a new
one. What the parent holds (settings, functions) is there without being sent; the parent
should not have loaded models, because the threads of a library do not survive a fork.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import multiprocessing
import pickle
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

_inside = False  # whether this process is such a child


class Crashed(Exception):
    """The child died of a question; the message says how."""


class Worker:
    """Asks a function in a child process.

    Args:
        answer: the function; its argument and result are pickled. What it raises is
            raised here, too.
        prepare: called once in each child, before the first question.
    """

    def __init__(
        self,
        answer: Callable[[Any], Any],
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._answer, self._prepare = answer, prepare
        self._process: Any = None
        self._pipe: Connection | None = None

    def ask(self, question: Any, seconds: float) -> Any:
        """Return the answer.

        Args:
            question: the function's argument.
            seconds: longest time for it; then the child is killed.

        Raises:
            Crashed: if the child died of it, whether of a signal or of ``seconds``.
        """
        if self._process is None or not self._process.is_alive():
            self._start()
        assert self._pipe is not None
        try:
            self._pipe.send((question, seconds))
            good, answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            self._process.join()
            reason = _cause_of_death(self._process.exitcode, seconds)
            self.close()
            raise Crashed(reason) from error
        except BaseException:  # Ctrl-C: the answer to come belongs to no question
            self.close()
            raise
        if not good:
            raise answer
        return answer

    def close(self) -> None:
        """End the child."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None

    def _start(self) -> None:
        self.close()
        # Not spawned: the child starts in milliseconds, with all that was imported.
        context = multiprocessing.get_context("fork")
        self._pipe, far_end = context.Pipe()
        arguments = (far_end, self._pipe, self._answer, self._prepare)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with warnings.catch_warnings():  # of Python 3.12: see the module's docstring
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        far_end.close()


def inside() -> bool:
    """Whether this process is the child of a worker."""
    return _inside


def isolated(function: Callable[..., Any], *arguments: Any, seconds: float) -> Any:
    """Call a module-level function in a child process that all such calls share.

    Within a child it is called directly, and where there can be no child (in a
    daemonic process, such as that of a data loader).
    """
    if _inside or multiprocessing.current_process().daemon:
        return function(*arguments)
    return _shared.ask((function, arguments), seconds)


def _call(question: tuple[Callable[..., Any], tuple]) -> Any:
    function, arguments = question
    return function(*arguments)


_shared = Worker(_call)


def _serve(
    pipe: Connection,
    near_end: Connection,
    answer: Callable[[Any], Any],
    prepare: Callable[[], None],
) -> None:
    near_end.close()  # else the death of the parent would not end the pipe
    _become_expendable()
    prepare()
    while True:
        try:
            question, seconds = pipe.recv()
        except (EOFError, OSError):
            return
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            reply = True, answer(question)
        except Exception as error:
            reply = False, _portable(error)
        signal.setitimer(signal.ITIMER_REAL, 0)
        pipe.send(reply)


def _become_expendable() -> None:
    global _inside
    _inside = True
    # The kernel ends a child that hangs, even in native code, even if it is an orphan.
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent answers Ctrl-C
    faulthandler.disable()  # the parent names the signal
    hard_limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard_limit))
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as stream:
        stream.write("1000")  # where memory ends, the kernel takes this process
    if "torch" in sys.modules:  # the OpenMP threads of the parent are not here
        sys.modules["torch"].set_num_threads(1)


def _portable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        logging.exception("in a child process")
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _cause_of_death(code: int, seconds: float) -> str:
    if code == -signal.SIGALRM:
        return f"took more than {seconds:.0f} s and was stopped"
    if code == -signal.SIGKILL:
        return "was killed (SIGKILL): out of memory?"
    if code < 0:
        return f"crashed ({signal.Signals(-code).name})"
    return f"ended its process (exit code {code})"
