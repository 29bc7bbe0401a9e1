"""side_by_side.py: order, limits, stamps, what is said of a failure, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers import UTILS

SCRIPT = UTILS / "side_by_side.py"


def job(title: str, command: str, stamp: str = "", fingerprint: str = "") -> list[str]:
    return [title, f"logs/{title}.log", stamp, fingerprint, "3", "bash", "-c", command]


def start(cwd: Path, jobs: list[list[str]], at_once: int = 1) -> subprocess.Popen[str]:
    words = [word for one in jobs for word in one]
    (cwd / "jobs").write_text("".join(f"{word}\0" for word in words))
    return subprocess.Popen(
        [str(SCRIPT), "--at_once", str(at_once), "jobs"],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(cwd: Path, jobs: list[list[str]], at_once: int = 1) -> tuple[int, str, str]:
    process = start(cwd, jobs, at_once)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.mark.parametrize(("at_once", "most"), [(1, 1), (2, 2), (9, 4)])
def test_no_more_run_than_asked_for_and_all_run_in_order(tmp_path, at_once, most):
    count = "ls run | wc -l >> most; sleep 0.5; rm run/$0"
    jobs = [
        job(f"j{n}", f"mkdir -p run; touch run/{n}; echo {n} >> order; {count}")
        for n in range(4)
    ]
    for one, n in zip(jobs, range(4), strict=True):
        one[-1] = one[-1].replace("$0", str(n))
    status, out, err = run(tmp_path, jobs, at_once)
    assert (status, err) == (0, "")
    assert max(map(int, (tmp_path / "most").read_text().split())) == most
    if at_once == 1:
        assert (tmp_path / "order").read_text().split() == ["0", "1", "2", "3"]
    assert [f"j{n} -> log: logs/j{n}.log" in out for n in range(4)] == [True] * 4


def test_job_that_succeeds_is_stamped_at_once_and_another_is_not(tmp_path):
    jobs = [
        job("good", "true", "x/.stamp", "input a\ninput b"),
        job("seen", "cp x/.stamp copy"),
        job("bad", "exit 7", "x/.other", "input c"),
    ]
    status, _, err = run(tmp_path, jobs)
    assert status == 1
    assert (tmp_path / "copy").read_text() == "input a\ninput b\n"
    assert not (tmp_path / "x/.other").exists()
    assert "ERROR: bad failed with status 7, log: logs/bad.log" in err


def test_after_a_failure_nothing_starts_and_what_runs_is_waited_for(tmp_path):
    jobs = [
        job("slow", "sleep 1; touch slow_done"),
        job("bad", "exit 3"),
        job("never", "touch never"),
    ]
    status, out, _ = run(tmp_path, jobs, at_once=2)
    assert status == 1
    assert (tmp_path / "slow_done").exists()
    assert not (tmp_path / "never").exists()
    assert "bad failed; jobs that still run are waited for" in out


def test_message_for_the_user_is_shown_once_and_not_the_launchers_traceback(tmp_path):
    command = "echo Traceback; echo 'ERROR: found x; do y'; echo 'ERROR: found x; do y'"
    _, _, err = run(tmp_path, [job("bad", f"{command}; exit 1")])
    assert err.count("ERROR: found x; do y") == 1
    assert "Traceback" not in err


def test_last_lines_are_shown_where_there_is_no_message(tmp_path):
    _, _, err = run(tmp_path, [job("bad", "seq 1 99; exit 1")])
    assert "---- last lines of logs/bad.out ----\n70\n" in err
    assert "\n99\n----" in err


def test_job_that_a_signal_ended_has_the_status_of_a_shell(tmp_path):
    assert "status 137" in run(tmp_path, [job("bad", "kill -KILL $$")])[2]


def test_words_reach_the_command_as_they_are(tmp_path):
    odd = " two  words\n'quote' \"and\" $HOME *"
    words = ["odd", "logs/odd.log", "", "", "3", "printf", "%s|", odd]
    assert run(tmp_path, [words])[0] == 0
    assert (tmp_path / "logs/odd.out").read_text() == f"{odd}|"


def test_signal_ends_the_jobs_and_is_waited_for(tmp_path):
    command = "trap 'sleep 0.5; touch ended; exit 1' TERM; touch began; sleep 60 & wait"
    process = start(tmp_path, [job("long", command, "x/.stamp")])
    while not (tmp_path / "began").exists():
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "x/.stamp").exists()


def test_newest_line_of_a_log_is_progress(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(UTILS)
    from side_by_side import last_line

    log = tmp_path / "a.log"
    log.write_text("step 1\rstep 2\n  indented\nsome Warning: x\n\n")
    assert last_line(log) == "step 2"
    log.write_text("x" * 5000 + "\nstep 3\n")
    assert last_line(log) == "step 3"
    assert last_line(tmp_path / "none.log") == ""
