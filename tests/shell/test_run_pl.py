"""utils/run.pl keeps Kaldi's contract for job wrappers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers import UTILS, run

RUN_PL = UTILS / "run.pl"


def run_pl(cwd: Path, *words: str, **environment: str):
    return run([RUN_PL, *words], cwd, **environment)


def test_log_has_header_output_and_footer(tmp_path):
    done = run_pl(tmp_path, "sub/a.log", "echo", "hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (tmp_path / "sub/a.log").read_text().splitlines()
    assert lines[0] == "# echo hello"
    assert lines[1].startswith("# Started at ")
    assert lines[2:4] == ["#", "hello"]
    assert re.fullmatch(r"# Accounting: time=\d+ threads=1", lines[4])
    assert re.match(r"# Ended \(code 0\) at .*, elapsed time \d+ seconds", lines[5])


@pytest.mark.parametrize(
    "words",
    [
        ("--mem", "4G", "JOB=1:3", "--gpu", "0"),
        ("JOB=1:3", "--name", "x/y.log", "--time", "1:00:00"),
        ("-V", "-pe", "smp", "2", "--num_threads", "2", "JOB=1:3"),
    ],
)
def test_options_before_and_after_the_range(tmp_path, words):
    done = run_pl(tmp_path, *words, "log/e.JOB.log", "echo", "nJOB", "JOB.JOB")
    assert (done.returncode, done.stderr) == (0, "")
    for number in (1, 2, 3):
        text = (tmp_path / f"log/e.{number}.log").read_text()
        assert f"\nn{number} {number}.{number}\n" in text
    assert len(list((tmp_path / "log").iterdir())) == 3


def test_range_may_start_later_or_be_one_number_under_any_name(tmp_path):
    assert run_pl(tmp_path, "K=3:4", "K.log", "echo", "K").returncode == 0
    assert run_pl(tmp_path, "K=7", "K.log", "echo", "K").returncode == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3.log", "4.log", "7.log"]


def test_arguments_are_quoted_as_kaldi_does(tmp_path):
    words = ["printf", "[%s]", "a  b", 'say "x y"', "", "$((1+1))", "|", "tr", "a", "A"]
    assert run_pl(tmp_path, "q.log", *words).returncode == 0
    output = (tmp_path / "q.log").read_text().splitlines()[3]
    assert output.startswith('[A  b][sAy "x y"][][2]')


def test_environment_variable_in_a_spaced_argument_is_expanded(tmp_path):
    run_pl(tmp_path, "e.log", "echo", "value $MINE", MINE="here")
    assert "\nvalue here\n" in (tmp_path / "e.log").read_text()


def test_standard_error_and_exit_code_reach_the_log(tmp_path):
    done = run_pl(tmp_path, "f.log", "echo", "broken", ">&2", ";", "exit", "3")
    assert done.returncode == 1
    assert "run.pl: job failed, log is in f.log" in done.stderr
    assert "    broken" in done.stderr
    assert "# Ended (code 3)" in (tmp_path / "f.log").read_text()


def test_failed_jobs_are_counted_and_named_and_the_others_finish(tmp_path):
    done = run_pl(tmp_path, "JOB=1:4", "g.JOB.log", "[", "$((JOB%2))", "=", "0", "]")
    assert done.returncode == 1
    assert "run.pl: 2 / 4 failed, log is in g.*.log" in done.stderr
    assert "run.pl: failed: g.1.log\nrun.pl: failed: g.3.log\n" in done.stderr
    assert len(list(tmp_path.glob("g.*.log"))) == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("JOB=1:2", "one.log", "true"), "put JOB into"),
        (("JOB=0:2", "a.JOB.log", "true"), "at least 1"),
        (("JOB=3:2", "a.JOB.log", "true"), "must not be above"),
        (("a.log",), "too few words"),
        (("--max-jobs-run", "many", "a.log", "true"), "whole number"),
        (("--pick", "some", "a.log", "true"), "all, failed or incomplete"),
    ],
)
def test_wrong_calls_exit_1_with_a_reason(tmp_path, words, message):
    done = run_pl(tmp_path, *words)
    assert done.returncode == 1
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_more_than_max_jobs_run_at_once(tmp_path):
    def seconds(limit: str) -> float:
        start = time.monotonic()
        words = ("--max-jobs-run", limit, "JOB=1:3", "s.JOB.log", "sleep", "0.4")
        assert run_pl(tmp_path, *words).returncode == 0
        return time.monotonic() - start

    assert seconds("1") > 1.2
    assert seconds("3") < 1.1


def test_pick_repeats_only_what_is_wanted(tmp_path):
    log = "p.JOB.log"
    run_pl(tmp_path, "JOB=1:2", log, "[", "JOB", "=", "1", "]")  # 2 fails
    (tmp_path / "p.3.log").write_text("# killed before its end\n")
    done = run_pl(tmp_path, "--pick", "incomplete", "JOB=1:3", log, "echo", "again")
    assert done.returncode == 1  # 2 failed and was not repeated
    ran = [n for n in (1, 2, 3) if "again" in (tmp_path / f"p.{n}.log").read_text()]
    assert ran == [3]
    done = run_pl(tmp_path, "--pick", "failed", "JOB=1:3", log, "echo", "more")
    assert done.returncode == 0
    ran = [n for n in (1, 2, 3) if "more" in (tmp_path / f"p.{n}.log").read_text()]
    assert ran == [2]


def wait_for(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def start_sleeper(cwd: Path, script: str, **environment: str):
    """Start run.pl with a script that notes a process id; return both."""
    (cwd / "sleeper.sh").write_text(script)
    process = subprocess.Popen(
        [RUN_PL, "k.log", "bash", "sleeper.sh"],
        cwd=cwd,
        env={**os.environ, **environment},
        stderr=subprocess.PIPE,
        text=True,
    )
    note = cwd / "pid"
    assert wait_for(lambda: note.exists() and note.read_text().strip())
    return process, int(note.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_jobs_with_their_children(tmp_path, number):
    process, child = start_sleeper(tmp_path, "sleep 60 & echo $! > pid; wait")
    assert alive(child)
    process.send_signal(number)
    assert process.wait(timeout=10) == 128 + number
    assert wait_for(lambda: not alive(child))
    assert "# Ended (code" in (tmp_path / "k.log").read_text()
    assert "stopped by signal" in process.stderr.read()
    process.stderr.close()


def test_a_job_may_tidy_up_before_it_ends(tmp_path):
    script = "trap 'sleep 0.3; echo bye > tidy; exit 4' TERM; echo $$ > pid\n"
    process, _ = start_sleeper(tmp_path, script + "while true; do sleep 0.1; done")
    process.terminate()
    assert process.wait(timeout=10) == 128 + signal.SIGTERM
    process.stderr.close()
    assert (tmp_path / "tidy").read_text() == "bye\n"
    assert "# Ended (code 4)" in (tmp_path / "k.log").read_text()


def test_a_killed_run_pl_takes_its_command_with_it(tmp_path):
    process, child = start_sleeper(tmp_path, "echo $$ > pid; exec sleep 60")
    process.kill()
    process.wait(timeout=10)
    process.stderr.close()
    assert wait_for(lambda: not alive(child))


def test_jobs_end_when_the_recipe_that_owns_them_is_killed(tmp_path):
    owner = subprocess.Popen(["sleep", "60"])
    process, child = start_sleeper(
        tmp_path, "echo $$ > pid; exec sleep 60", RUN_PL_OWNER=str(owner.pid)
    )
    assert alive(child)
    owner.kill()
    owner.wait()
    assert process.wait(timeout=10) != 0
    process.stderr.close()
    assert wait_for(lambda: not alive(child))


HELD = "expected a log of its own for each call"


def start(cwd: Path, *words: str, wrapper: str = "run.pl") -> subprocess.Popen:
    return subprocess.Popen(
        [UTILS / wrapper, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("second", ["run.pl", "stdout.pl"])
@pytest.mark.parametrize(
    ("first_words", "words"),
    [
        (("x.log",), ("x.log",)),
        (("x.log",), ("./x.log",)),
        (("x.log",), ("link/x.log",)),
        (("JOB=1:3", "x.JOB.log"), ("x.2.log",)),
        (("x.2.log",), ("N=2:5", "x.N.log")),
        (("JOB=1:2", "d/JOB/x.log"), ("d/2/x.log",)),
    ],
)
def test_second_call_with_a_log_of_the_first_is_refused(
    tmp_path, first_words, words, second
):
    (tmp_path / "link").symlink_to(tmp_path)
    with start(tmp_path, *first_words, "sleep", "60") as first:
        try:
            assert wait_for(lambda: list(tmp_path.rglob("*.log")))
            other = run([UTILS / second, *words, "touch", "ran"], tmp_path)
            assert other.returncode == 1
            assert HELD in other.stderr
            assert f"process {first.pid} on " in other.stderr
            assert not (tmp_path / "ran").exists()
        finally:
            first.terminate()
    assert run([UTILS / second, *words, "touch", "ran"], tmp_path).returncode == 0
    assert not list(tmp_path.rglob(".jobs.*"))


@pytest.mark.parametrize("words", [("y.log",), ("JOB=4:6", "x.JOB.log"), ("d/x.log",)])
def test_calls_with_logs_of_their_own_run_side_by_side(tmp_path, words):
    with start(tmp_path, "JOB=1:3", "x.JOB.log", "sleep", "60") as first:
        try:
            assert wait_for(lambda: list(tmp_path.rglob("*.log")))
            assert run_pl(tmp_path, *words, "true").returncode == 0
        finally:
            first.terminate()


def test_of_many_calls_at_once_exactly_those_that_ran_report_success(tmp_path):
    calls = [start(tmp_path, "x.log", "touch", f"{n}.ran") for n in range(6)]
    for number, call in enumerate(calls):
        _, said = call.communicate(timeout=60)
        assert (call.returncode == 0) == (tmp_path / f"{number}.ran").exists()
        assert call.returncode == 0 or HELD in said
    assert list(tmp_path.glob("*.ran"))


def test_note_of_a_killed_call_does_not_block_the_next(tmp_path):
    with start(tmp_path, "x.log", "sleep", "60") as first:
        assert wait_for(lambda: (tmp_path / "x.log").exists())
        first.kill()
    assert (tmp_path / ".jobs.held").exists()
    assert run_pl(tmp_path, "x.log", "true").returncode == 0
    assert not list(tmp_path.glob(".jobs.*"))


def test_note_of_another_machine_is_believed(tmp_path):
    note = {"host": "elsewhere", "pid": 1, "since": "noon", "names": ["x.log"]}
    (tmp_path / ".jobs.held").write_text(json.dumps({**note, "command": "train"}))
    done = run_pl(tmp_path, "x.log", "true")
    assert done.returncode == 1
    assert "in use by process 1 on elsewhere since noon (train)" in done.stderr
    assert "if it is gone, remove " in done.stderr
    assert run_pl(tmp_path, "y.log", "true").returncode == 0


def test_lock_that_a_kill_left_is_dropped_when_it_is_old(tmp_path):
    (tmp_path / ".jobs.lock").touch()
    os.utime(tmp_path / ".jobs.lock", (1, 1))
    assert run_pl(tmp_path, "x.log", "true").returncode == 0
    assert not list(tmp_path.glob(".jobs.*"))


def test_what_is_no_file_belongs_to_nobody(tmp_path):
    with start(tmp_path, "/dev/null", "sleep", "60") as first:
        try:
            assert run_pl(tmp_path, "/dev/null", "true").returncode == 0
        finally:
            first.terminate()
    assert not os.path.exists("/dev/.jobs.held")
