"""Waiting for submitted jobs.

A job has ended when its done-file holds a status. The scheduler is asked for what a
job cannot say itself: that it was killed, or will never start. Asking must not load a
busy controller: every second at first, every 10 s in the end; while a question is
under way done-files are still read.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple

from jobs import logs
from jobs.command_line import CommandLine
from jobs.messages import say
from jobs.query import Query
from jobs.scheduler import (
    ENDED,
    FAILED,
    GONE,
    KILLED,
    NEVER,
    WAITING,
    Answer,
    Scheduler,
    State,
    ask,
)
from jobs.script import Files
from jobs.signals import Signals

SHORTEST_SLEEP, LONGEST_SLEEP = 0.02, 0.5  # between looks at the done-files
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 10.0  # between questions to the scheduler
SIGNAL_GRACE = 30.0  # ended by a signal: let the scheduler say first whose it was
KILLED_GRACE = 2.0  # a done-file may be on its way, a killed job be requeued
REMOVED_GRACE = 6.0  # waited, then unknown: a short run would have written its log
CHECK_START_SECONDS = 5.0  # pending for so long: ask whether it can start at all


class Outcome(NamedTuple):
    """How one job ended."""

    status: int
    how: str


def read_status(name: str) -> int | None:
    """Status in a done-file; None while it cannot be read."""
    try:
        with open(name) as stream:
            return int(stream.read())
    except (OSError, ValueError):
        return None


class Waiter:
    """Waits for the tasks of one submitted job."""

    def __init__(
        self,
        scheduler: Scheduler,
        line: CommandLine,
        files: Files,
        numbers: list[int],
        old_logs: dict[int, tuple[int, ...]],
        give_up: int,
    ) -> None:
        self.scheduler, self.line, self.files = scheduler, line, files
        self.old_logs, self.give_up = old_logs, give_up
        self.left = set(numbers)
        self.outcomes: dict[int, Outcome] = {}
        self.started = time.monotonic()
        self.query: Query | None = None
        self.next_query = self.started + SHORTEST_PAUSE
        self.ended_since: dict[int, float] = {}
        self.signalled: dict[int, float] = {}  # since when a done-file tells of one
        self.never_since: dict[int, float] = {}
        self.waited = set(numbers)  # when last heard of
        self.told: set[str] = set()
        self.unanswered = False

    def wait(self, signals: Signals) -> dict[int, Outcome]:
        """Return the outcomes, early if a signal asks us to stop."""
        pause = SHORTEST_SLEEP
        while self.left and not signals.check():
            before = len(self.left)
            self.read_done_files()
            self.ask_scheduler()
            pause = SHORTEST_SLEEP if len(self.left) < before else 1.2 * pause
            pause = min(pause, LONGEST_SLEEP)
            if self.left:
                time.sleep(pause)
        return self.outcomes

    def read_done_files(self) -> None:
        """Take over what jobs have said about themselves.

        A status above 128 means a signal. A scheduler that cancels, preempts or
        requeues a job sends one too, so its own word comes first.
        """
        try:
            there = set(os.listdir(self.files.done_dir))
        except OSError:
            return
        now = time.monotonic()
        for number in sorted(self.left):
            name = self.files.done_of(number)
            status = read_status(name) if os.path.basename(name) in there else None
            if status is None:
                self.signalled.pop(number, None)
                continue
            since = self.signalled.setdefault(number, now)
            if status <= 128 or now - since > SIGNAL_GRACE:
                self.settle(number, status, f"with status {status}")
            elif since == now:
                self.next_query = min(self.next_query, now + SHORTEST_PAUSE)

    def settle(self, number: int, status: int, how: str) -> None:
        """Note how a job ended; name the first failure while others still run."""
        self.left.discard(number)
        if status == 137:
            how += " (killed: too little memory? give more with --mem)"
        first = status != 0 and not any(o.status for o in self.outcomes.values())
        self.outcomes[number] = Outcome(status, how)
        if first and self.left:
            say(
                f"job {number} failed {how}, log is in {self.line.log_of(number)}; "
                f"waiting for {len(self.left)} more"
            )

    def ask_scheduler(self) -> None:
        """Ask, or see whether the last question has been answered."""
        now = time.monotonic()
        if self.query is None:
            if self.left and now >= self.next_query:
                self.query = Query(self.scheduler.query())
            return
        answer = self.query.answer()
        if answer is None:
            return
        self.query = None
        pause = (now - self.started) / 20
        self.next_query = now + min(max(pause, SHORTEST_PAUSE), LONGEST_PAUSE)
        states = self.scheduler.read_states(answer)
        if states is None:
            self.note_silence(answer)
            return
        if self.unanswered:
            self.unanswered = False
            say(f"{self.scheduler.name} answers again")
        self.read_done_files()  # what was written while the question was under way
        self.judge(states, now)

    def note_silence(self, answer: Answer) -> None:
        """Say once that the scheduler cannot be asked, and go on waiting."""
        if not self.unanswered:
            self.unanswered = True
            said = (answer.stderr or answer.stdout).strip().splitlines() or ["nothing"]
            say(
                f"{self.scheduler.name} does not answer ({said[-1]}); "
                f"still waiting for job {self.scheduler.job_id}"
            )

    def judge(self, states: dict[int, State], now: float) -> None:
        """Settle what has ended without a done-file or can never start."""
        gone, ended, waiting = State(GONE, "no longer known"), {}, {}
        for number in sorted(self.left):
            state = states.get(self.task(number), gone)
            if state.kind in (ENDED, FAILED, KILLED, GONE):
                ended[number] = state
            else:
                self.ended_since.pop(number, None)
                self.forget_first_run(number, state)
            if state.kind in (WAITING, NEVER):
                waiting[number] = state
        self.waited.difference_update(ended.keys() & states.keys())
        self.waited.difference_update(self.left - ended.keys() - waiting.keys())
        self.waited.update(waiting)
        if ended:
            self.next_query = min(self.next_query, now + KILLED_GRACE)
            self.judge_ended(ended, now)
        self.judge_waiting(waiting, now)

    def forget_first_run(self, number: int, state: State) -> None:
        """Drop the done-file of a job that waits again: it was requeued."""
        if state.kind in (WAITING, NEVER) and number in self.signalled:
            del self.signalled[number]
            with contextlib.suppress(OSError):
                os.remove(self.files.done_of(number))

    def judge_ended(self, ended: dict[int, State], now: float) -> None:
        """Settle tasks that the scheduler no longer runs, after a while."""
        self.files.kick()
        late = [n for n in ended if now - self.ended_since.setdefault(n, now) > 1]
        lost = any(ended[number].kind == GONE for number in late)
        known = self.scheduler.look_back() if lost else {}
        self.read_done_files()
        for number in late:
            if number not in self.left:
                continue
            state = ended[number]
            if state.kind == GONE:
                state = known.get(self.task(number), state)
            if state.kind == GONE and number in self.waited and not self.begun(number):
                state = State(GONE, self.scheduler.removed)
                grace = REMOVED_GRACE
            else:
                bad = state.kind in (FAILED, KILLED)
                grace = KILLED_GRACE if bad else self.scheduler.lost_grace
            code = None if state.kind == KILLED else self.code_in_log(number)
            if code is not None:
                self.settle(number, code, f"with status {code}")
            elif now - self.ended_since[number] > 0.9 * grace:
                self.settle_without_status(number, self.description(number, state))

    def begun(self, number: int) -> bool:
        """Tell whether a job has written its log since it was submitted."""
        return logs.stamp(self.line.log_of(number)) != self.old_logs[number]

    def code_in_log(self, number: int) -> int | None:
        """Exit code in a log's footer, unless the log is of an earlier run."""
        return logs.end_code(self.line.log_of(number)) if self.begun(number) else None

    def task(self, number: int) -> int:
        """Return the scheduler's number of a task; 0 for a job without JOB=."""
        return number if self.line.job else 0

    def description(self, number: int, state: State) -> str:
        """Say how a task ended that could not say it itself."""
        parts = [state.name]
        if state.reason and state.reason not in ("None", state.name):
            parts.append(state.reason)
        more = self.scheduler.explain(self.task(number)) if self.few_failed() else ""
        if more and more not in parts:
            parts.append(more)
        return f"({self.scheduler.name}: {', '.join(parts)})"

    def settle_without_status(self, number: int, how: str) -> None:
        """Settle a task that wrote no footer; its log tells how it ended.

        A log of an earlier run is replaced: it must not speak for this one.
        """
        log = self.line.log_of(number)
        mode = "a" if self.begun(number) else "w"
        with contextlib.suppress(OSError), open(log, mode, encoding="utf-8") as stream:
            stream.write(f"# Ended {how} at {time.ctime()}\n")
        self.settle(number, 1, how)

    def few_failed(self) -> bool:
        """Whether asking about one more is reasonable."""
        failed = [o for o in self.outcomes.values() if o.status]
        return len(failed) < logs.SHOWN_LOGS

    def judge_waiting(self, waiting: dict[int, State], now: float) -> None:
        """Say once that tasks can never start; give up after a while."""
        if not waiting or now - self.started < CHECK_START_SECONDS:
            return
        held = self.scheduler.held(waiting)
        if held and held not in self.told:
            self.told.add(held)
            say(f"job {self.scheduler.job_id} is held back: {held}; still waiting")
        reasons = self.scheduler.never_starting(waiting)
        since = {n: self.never_since.get(n, now) for n in reasons}
        self.never_since = since
        for reason in sorted(set(reasons.values()) - self.told):
            self.told.add(reason)
            say(
                f"job {self.scheduler.job_id} cannot start: {reason}; see "
                f"`{self.scheduler.hint()}`; giving up in {self.give_up} s (--give-up)"
            )
        over = [n for n in reasons if now - since[n] >= self.give_up]
        if over:
            ask(self.scheduler.cancel([self.task(number) for number in over]))
        for number in over:
            how = f"({self.scheduler.name}: never started: {reasons[number]})"
            self.settle_without_status(number, how)
