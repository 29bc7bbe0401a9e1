"""slurm.pl and queue.pl: check everything, submit, wait, report.

Nothing is submitted when something is known to be wrong.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time

from jobs import logs
from jobs.command_line import CommandLine, parse
from jobs.conf import Conf, read_conf
from jobs.holding import Holding, is_plain
from jobs.messages import fail, say
from jobs.query import Query
from jobs.scheduler import Answer, Scheduler
from jobs.script import Files, make_directories, script_text
from jobs.signals import Signals
from jobs.waiting import Waiter

OWN_OPTIONS = ("config", "pick", "give_up", "max_jobs_run")
GIVE_UP_SECONDS = 600  # for a request that can never start; --give-up or $JOB_GIVE_UP
SUBMIT_PAUSE = 1.0, 10.0  # first and longest, between attempts at a dead controller
SHOWN_NOTES = 5
CANCEL_ATTEMPTS = 3
TELL_SECONDS = 2.0  # without an answer: say what is being waited for
SHORT_SLEEP = 0.05
SCHEDULER_NOTE = re.compile(r"error|killed|oom|cannot|denied|no such", re.IGNORECASE)


def main(scheduler: Scheduler, usage: str, conf_path: str) -> None:
    """Entry point."""
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(usage)
        sys.exit(0 if len(sys.argv) > 1 else 1)
    line = parse(sys.argv[1:])
    sys.exit(run(scheduler, line, conf_path))


def run(scheduler: Scheduler, line: CommandLine, conf_path: str) -> int:
    """Run the jobs of one command line; return the exit status."""
    given = line.options.get("config")
    default = None if given else scheduler.default_conf
    conf = read_conf(given or conf_path, default)
    flags = scheduler_flags(conf, line, scheduler)
    check_here(conf)
    give_up = give_up_seconds(line)
    numbers, failures = picked(line)
    files = Files(line, scheduler.done_dir)
    make_directories(line, files, numbers or [line.first])
    if numbers:
        names = [line.log_of(number) for number in line.numbers()]
        ours = [*filter(is_plain, names), files.script, files.queue_log]
        holding = Holding(ours, " ".join(line.command), scheduler.still_runs)
        holding.take()
        try:
            failures += run_numbers(
                scheduler, line, files, flags, numbers, give_up, holding
            )
        finally:
            holding.release()
    notes = scheduler_notes(files) if failures else []
    pattern = line.numbered(line.log, "*")
    return logs.report(pattern, len(line.numbers()), failures, notes)


def scheduler_flags(conf: Conf, line: CommandLine, scheduler: Scheduler) -> str:
    """Return the submit command with all flags but the array's.

    The scheduler's own flags (-p X) come last, so that they win over the defaults of
    the conf file.
    """
    options = {k: v for k, v in line.options.items() if k not in OWN_OPTIONS}
    limit = line.whole_number("max_jobs_run", 0)
    if limit and not line.job:
        say("Ignoring max_jobs_run since this is not an array task.")
    raw = [shlex.quote(word) for word in scheduler.raw_flags(line.raw)]
    return " ".join([conf.command, *conf.flags(options), *raw])


def check_here(conf: Conf) -> None:
    """Stop unless path.sh and the submit command are there."""
    if not os.path.exists("path.sh"):
        fail(
            f"found no path.sh in {os.getcwd()}; expected one, every job starts with "
            "`. ./path.sh`; run this in a recipe's directory"
        )
    words = conf.command.split()
    program = next((word for word in words if "=" not in word), words[0])
    if shutil.which(program) is None:
        fail(
            f"found no {program} on PATH, the submit command of {conf.path}; "
            "expected a machine that may submit jobs; set cmd_backend in cmd.sh"
        )


def give_up_seconds(line: CommandLine) -> int:
    """--give-up, $JOB_GIVE_UP, or the default."""
    given = os.environ.get("JOB_GIVE_UP", "")
    default = int(given) if given.isdigit() else GIVE_UP_SECONDS
    return line.whole_number("give_up", default)


def picked(line: CommandLine) -> tuple[list[int], list[logs.Failure]]:
    """Numbers to run, and failed ones that --pick incomplete does not repeat."""
    pick = line.options.get("pick", "all")
    numbers, failures = [], []
    for number in line.numbers():
        log = line.log_of(number)
        code = None if pick == "all" else logs.end_code(log)
        if code is None or (code != 0 and pick == "failed"):
            numbers.append(number)
        elif code != 0:
            failures.append(logs.Failure(number, log, f"with status {code}"))
    return numbers, failures


def run_numbers(
    scheduler: Scheduler,
    line: CommandLine,
    files: Files,
    flags: str,
    numbers: list[int],
    give_up: int,
    holding: Holding,
) -> list[logs.Failure]:
    """Submit these jobs and wait for them; return those that failed."""
    signals = Signals()
    signals.watch()
    call = write_script(scheduler, line, files, flags, numbers)
    old_logs = {number: logs.stamp(line.log_of(number)) for number in numbers}
    submit(scheduler, files, call, give_up, signals)
    holding.add(
        job=scheduler.job_id,
        query=scheduler.query(),
        cancel=" ".join(scheduler.cancel()),
    )
    waiter = Waiter(scheduler, line, files, numbers, old_logs, give_up)
    outcomes = waiter.wait(signals)
    if signals.caught:
        stop(scheduler, signals, files, holding)
    files.tidy()
    return [
        logs.Failure(number, line.log_of(number), outcome.how)
        for number, outcome in outcomes.items()
        if outcome.status != 0
    ]


def write_script(
    scheduler: Scheduler,
    line: CommandLine,
    files: Files,
    flags: str,
    numbers: list[int],
) -> str:
    """Write q/*.sh and an empty q/*.log; return the submit command."""
    limit = line.whole_number("max_jobs_run", 0)
    array = scheduler.array_flags(numbers, limit) if line.job else ""
    log_flags = scheduler.log_flags(shlex.quote(files.queue_log))
    words = [flags, log_flags, array, shlex.quote(files.script)]
    call = " ".join(word for word in words if word)
    text = script_text(
        line,
        files,
        scheduler.task_variable,
        scheduler.environment,
        scheduler.prepare(numbers) if line.job else "",
        scheduler.is_restart,
    )
    files.tidy()  # of an earlier process with our id
    try:
        with open(files.script, "w", encoding="utf-8") as stream:
            stream.write(f"{text}# {call}\n")
        os.chmod(files.script, 0o755)
        open(files.queue_log, "w").close()
    except OSError as error:
        fail(f"cannot write {files.script} or {files.queue_log}: {error.strerror}")
    return call


def submit(
    scheduler: Scheduler, files: Files, call: str, give_up: int, signals: Signals
) -> None:
    """Submit; while the controller is down try again, for ``give_up`` seconds."""
    deadline = time.monotonic() + give_up
    told, pause = False, SUBMIT_PAUSE[0]
    while True:
        answer = submit_once(call)
        with open(files.queue_log, "a", encoding="utf-8") as stream:
            stream.write(answer.stdout + answer.stderr)
        if answer.status == 0 and scheduler.read_job_id(answer.stdout):
            return
        again = scheduler.is_unreachable(answer.stderr + answer.stdout)
        if not again or time.monotonic() > deadline:
            said = (answer.stderr + answer.stdout).strip()
            fail(
                f"error submitting jobs to queue (return status was {answer.status}): "
                f"{said}\nqueue log file is {files.queue_log}, command was {call}"
            )
        if not told:
            told = True
            said = answer.stderr.strip().splitlines()[-1]
            say(f"{scheduler.name} does not answer ({said}); trying for {give_up} s")
        until = time.monotonic() + pause
        pause = min(1.5 * pause, SUBMIT_PAUSE[1])
        while time.monotonic() < until:
            if signals.check():
                fail(f"{signal.Signals(signals.caught).name}: nothing was submitted", 2)
            time.sleep(0.2)


def submit_once(call: str) -> Answer:
    """Run the submit command in a clean environment.

    Variables of a job that we run in (--mem, array number ...) are not for its
    children: Slurm refuses contradicting ones, and a wrong task number would be used.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"SLURM_(?!CONF$|CLUSTERS$)|SGE_TASK|JOB_ID$", name)
    }
    done = subprocess.run(
        call,
        shell=True,
        executable="/bin/bash",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,  # a Ctrl-C now would leave a job of unknown id
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def stop(
    scheduler: Scheduler, signals: Signals, files: Files, holding: Holding
) -> None:
    """Cancel the job after a signal; exit 2 as Kaldi's wrappers do."""
    name = signal.Signals(signals.caught).name
    job, command = scheduler.job_id, " ".join(scheduler.cancel())
    say(
        f"caught {name}, cancelling {scheduler.name} job {job}; interrupt again to "
        f"leave it running"
    )
    why = cancel(scheduler, signals)
    if why:
        say(f"{scheduler.name} job {job} stays: {why}; end it with `{command}`")
        holding.leave()
    files.tidy()
    sys.exit(2)


def cancel(scheduler: Scheduler, signals: Signals) -> str:
    """Try to cancel the job; return why it may still run, or ""."""
    asked, told, said = signals.times, False, ""
    started = time.monotonic()
    for attempt in range(CANCEL_ATTEMPTS):
        query = Query(scheduler.cancel())
        while (answer := query.answer()) is None:
            if signals.times > asked:
                return "interrupted again before an answer came"
            waited = time.monotonic() - started
            if not told and waited > TELL_SECONDS:
                told = True
                say(f"{scheduler.name} does not answer yet; still trying to cancel it")
            time.sleep(SHORT_SLEEP)
        if answer.status == 0:
            return ""
        said = (answer.stderr + answer.stdout).strip() or f"status {answer.status}"
        until = time.monotonic() + 2.0 * attempt
        while time.monotonic() < until and signals.times == asked:
            time.sleep(SHORT_SLEEP)
    return said


def scheduler_notes(files: Files) -> list[str]:
    """Lines of q/*.log that tell why a job failed."""
    lines = logs.last_lines(files.queue_log, 200)
    wanted = [line.strip() for line in lines if SCHEDULER_NOTE.search(line)]
    return list(dict.fromkeys(wanted))[-SHOWN_NOTES:]
