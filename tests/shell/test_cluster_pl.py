"""slurm.pl and queue.pl: command lines, conf files, job scripts, bad input.

The submit commands are stand-ins that run every task at once on this machine; real
clusters are in tests/cluster.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from helpers import ROOT, UTILS, run

FAKE = Path(__file__).parent / "fake_cluster"
WRAPPERS = ("run.pl", "slurm.pl", "queue.pl")


@pytest.fixture
def recipe(tmp_path):
    """A recipe's directory: utils/ is a link, as in every ESPnet recipe."""
    (tmp_path / "utils").symlink_to(UTILS)
    (tmp_path / "conf").mkdir()
    for name in ("slurm.conf", "queue.conf"):
        shutil.copy(ROOT / "conf" / name, tmp_path / "conf")
    (tmp_path / "path.sh").write_text("export FROM_PATH_SH=yes\n")
    (tmp_path / "fake").mkdir()
    return tmp_path


def call(recipe: Path, wrapper: str, *words: str, **environment: str):
    environment.setdefault("PATH", f"{FAKE}:{os.environ['PATH']}")
    environment["FAKE"] = str(recipe / "fake")
    return run([f"utils/{wrapper}", *words], recipe, **environment)


def calls(recipe: Path) -> list[str]:
    note = recipe / "fake/calls"
    return note.read_text().splitlines() if note.exists() else []


def output_of(log: Path) -> list[str]:
    lines = log.read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_every_wrapper_gives_the_command_the_same_words(recipe, wrapper):
    words = ["printf", "[%s]", "xJOB", "a  JOB", 'say "JOB x"', "", "$((JOB+1))"]
    words += ["$FROM_PATH_SH", "$SLURM_JOB_ID", "|", "tr", "a", "A", ";", "exit", "3"]
    done = call(
        recipe,
        wrapper,
        *("--mem", "1G", "JOB=2:3", "--name", "x", "log/w.JOB.log", *words),
        FROM_PATH_SH="yes",
        SLURM_JOB_ID="77",
    )
    assert done.returncode == 1  # "exit 3"
    assert f"{wrapper}: 2 / 2 failed, log is in log/w.*.log" in done.stderr
    for number in (2, 3):
        expected = f'[x{number}][A  {number}][sAy "{number} x"][][{number + 1}][yes]'
        if wrapper == "run.pl":  # on a cluster the environment is a fresh one
            expected += "[77]"
        text = (recipe / f"log/w.{number}.log").read_text().split("\n[x")[1]
        assert "[x" + text.split("#")[0].rstrip() == expected


@pytest.mark.parametrize("wrapper", ["slurm.pl", "queue.pl"])
def test_log_and_queue_directory_are_those_of_kaldi(recipe, wrapper):
    done = call(recipe, wrapper, "JOB=1:2", "exp/a/log/t.JOB.log", "echo", "hi", "JOB")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (recipe / "exp/a/log/t.2.log").read_text().splitlines()
    assert lines[0].startswith("# Running on ")
    assert lines[1].startswith("# Started at ")
    assert "# echo hi 2" in lines
    assert lines[-3] == "# Accounting: time=0 threads=1" or "time=1" in lines[-3]
    assert lines[-2].startswith("# Finished at ") is False
    assert lines[-1].endswith("with status 0")
    assert sorted(p.name for p in (recipe / "exp/a/q").glob("*.*")) == ["t.log", "t.sh"]
    assert not list((recipe / "exp/a/q").rglob("done.*"))


def test_log_has_kaldis_accounting_lines_before_the_last(recipe):
    call(recipe, "slurm.pl", "--num-threads", "3", "a.log", "true")
    lines = (recipe / "a.log").read_text().splitlines()[-4:]
    assert [line.split("=")[0] for line in lines[:3]] == [
        "# Accounting: begin_time",
        "# Accounting: end_time",
        "# Accounting: time",
    ]
    assert lines[2].endswith(" threads=3")


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_command_substitution_runs_once(recipe, wrapper):
    done = call(recipe, wrapper, "a.log", "echo", "x$(echo y >> runs)")
    assert done.returncode == 0
    assert (recipe / "runs").read_text() == "y\n"
    assert '# echo "x$(echo y >> runs)"\n' in (recipe / "a.log").read_text()


def test_flags_have_a_fixed_order_in_which_threads_win_over_the_gpus(recipe):
    words = [("--gpu", "1"), ("--num-threads", "8"), ("--mem", "2G")]
    for order in (words, words[::-1]):
        flat = [word for pair in order for word in pair]
        assert call(recipe, "slurm.pl", *flat, "a.log", "true").returncode == 0
    first, second = calls(recipe)
    assert first == second
    assert first.startswith(
        "--export=PATH -p gpu --gres=gpu:1 -c 1 --mem-per-cpu 2G --cpus-per-task 8 "
    )


def test_the_schedulers_own_flags_come_last_and_max_jobs_run_limits_the_array(recipe):
    words = ("-p", "long", "--max-jobs-run", "2", "JOB=1:3", "-C", "a&b", "a.JOB.log")
    assert call(recipe, "slurm.pl", *words, "true").returncode == 0
    (said,) = calls(recipe)
    assert said.startswith("--export=PATH -p cpu -p long -C a&b --open-mode=append")
    assert "--array=1-3%2 " in said


def test_the_last_of_two_equal_options_counts(recipe):
    words = ("--gpu", "4", "--time", "1:00:00", "--gpu", "0", "a.log", "true")
    assert call(recipe, "slurm.pl", *words).returncode == 0
    assert calls(recipe)[0].startswith("--export=PATH -p cpu --time 1:00:00 ")


def test_max_jobs_run_without_an_array_is_ignored_with_a_word(recipe):
    done = call(recipe, "slurm.pl", "--max-jobs-run", "2", "a.log", "true")
    assert done.returncode == 0
    assert "Ignoring max_jobs_run since this is not an array task." in done.stderr


def test_grid_engine_gets_its_own_flags(recipe):
    words = ("--num-threads", "2", "--max-jobs-run", "5", "JOB=3:4", "a.JOB.log")
    assert call(recipe, "queue.pl", *words, "true").returncode == 0
    (said,) = calls(recipe)
    assert said.startswith("-v PATH -cwd -S /bin/bash -j y -l arch=*64* -q all.q -pe")
    assert " -pe smp 2 -o q/a.log -t 3-4 -tc 5 " in said


def test_without_a_conf_file_the_built_in_rules_hold(recipe):
    (recipe / "conf/slurm.conf").unlink()
    words = ("--num_nodes", "2", "--name", "x", "--gpu", "1", "a.log", "true")
    assert call(recipe, "slurm.pl", *words).returncode == 0
    flags = "--gres=gpu:1 --job-name x --nodes 2"
    assert calls(recipe)[0].startswith(f"--export=PATH {flags} ")


BAD = {
    "conf": ("conf/slurm.conf:2: unable to parse line 'optoin x=1'", 1),
    "command": ('does not contain the line "command .*"', 1),
    "rule": ("Command line option frame not described in conf/slurm.conf", 255),
    "value": ("(or value '7' not allowed)", 255),
    "backwards": ("invalid job range JOB=3:2", 1),
    "zero": ("invalid job range JOB=0:2", 1),
    "unfinished": ("found JOB=1: where the log file stands", 1),
    "one log": ("into just one log file (a.log); put JOB into", 1),
    "log directory": ("cannot write into path.sh/log: Not a directory", 1),
    "sbatch": ("found no sbatch on PATH", 1),
    "path.sh": ("found no path.sh in ", 1),
    "config": ("Could not open config file none.conf", 1),
    "equals": ("expected a space, no '=': --mem 2G", 1),
    "words": ("too few words", 1),
    "threads": ("found --num-threads many; expected a whole number", 1),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_message_and_nothing_is_submitted(recipe, case):
    words = {
        "rule": ["--frame", "3", "a.log", "true"],
        "value": ["--kind", "7", "a.log", "true"],
        "backwards": ["JOB=3:2", "a.JOB.log", "true"],
        "zero": ["JOB=0:2", "a.JOB.log", "true"],
        "unfinished": ["JOB=1:", "a.JOB.log", "true"],
        "one log": ["JOB=1:2", "a.log", "true"],
        "log directory": ["path.sh/log/a.log", "true"],
        "config": ["--config", "none.conf", "a.log", "true"],
        "equals": ["--mem=2G", "a.log", "true"],
        "words": ["a.log"],
        "threads": ["--num-threads", "many", "a.log", "true"],
    }.get(case, ["a.log", "true"])
    conf = recipe / "conf/slurm.conf"
    environment = {}
    if case == "conf":
        conf.write_text("command sbatch\noptoin x=1\ndefault y\n")
    elif case == "command":
        conf.write_text("option gpu=0\n")
    elif case == "value":
        conf.write_text(conf.read_text() + "option kind=1 -C a\n")
    elif case == "path.sh":
        (recipe / "path.sh").unlink()
    elif case == "sbatch":
        environment["PATH"] = "/usr/bin:/bin"
    before = sorted(p.name for p in recipe.iterdir())
    done = call(recipe, "slurm.pl", *words, **environment)
    message, status = BAD[case]
    assert message in done.stderr
    assert done.returncode == status
    assert len(done.stderr.splitlines()) == 1
    assert calls(recipe) == []
    if case != "log directory":
        assert sorted(p.name for p in recipe.iterdir()) == before


def test_all_faulty_lines_of_a_conf_file_are_named(recipe):
    (recipe / "conf/slurm.conf").write_text("command sbatch\noptoin x=1\ndefault y\n")
    done = call(recipe, "slurm.pl", "a.log", "true")
    assert "conf/slurm.conf:2:" in done.stderr
    assert "conf/slurm.conf:3:" in done.stderr


def test_refused_submission_shows_what_sbatch_said(recipe):
    (recipe / "fake/refuse").write_text("sbatch: error: invalid account\n")
    done = call(recipe, "slurm.pl", "a.log", "true")
    assert done.returncode == 1
    assert "error submitting jobs to queue (return status was 1): " in done.stderr
    assert "sbatch: error: invalid account" in done.stderr
    assert "command was sbatch --export=PATH -p cpu" in done.stderr


def test_submission_waits_for_a_controller_that_is_down(recipe):
    refuse = recipe / "fake/refuse"
    refuse.write_text("sbatch: error: Unable to contact slurm controller (refused)\n")
    process = start(recipe, "a.log", "echo", "late")
    assert wait_for(lambda: "Slurm does not answer" in stderr_of(recipe))
    refuse.unlink()
    assert process.wait(timeout=30) == 0
    assert output_of(recipe / "a.log") == ["late"]
    assert stderr_of(recipe).count("does not answer") == 1


def test_job_killed_without_a_word_is_known_from_squeue(recipe):
    (recipe / "fake/lost").touch()
    (recipe / "fake/states").write_text("1|TIMEOUT|TimeLimit\n2|COMPLETING|None\n")
    (recipe / "a.2.log").write_text("# Finished at Monday with status 0\n")  # of before
    process = start(recipe, "JOB=1:2", "a.JOB.log", "true")
    message = "job 1 failed (Slurm: TIMEOUT, TimeLimit), log is in a.1.log"
    assert wait_for(lambda: message in stderr_of(recipe))
    (recipe / "fake/states").write_text(
        "1|TIMEOUT|TimeLimit\n2|FAILED|NonZeroExitCode\n"
    )
    assert process.wait(timeout=30) == 1
    assert "slurm.pl: failed: a.2.log (Slurm: FAILED, NonZeroExitCode)\n" in stderr_of(
        recipe
    )
    assert "# Ended (Slurm: TIMEOUT" in (recipe / "a.1.log").read_text()
    assert "status 0" not in (recipe / "a.2.log").read_text()


def test_job_that_squeue_has_forgotten_is_looked_up_in_the_accounting(recipe):
    (recipe / "fake/lost").touch()
    (recipe / "fake/accounting").write_text("7|CANCELLED by 1000|0:15\n")
    start_time = time.monotonic()
    done = call(recipe, "slurm.pl", "a.log", "true")
    seconds = time.monotonic() - start_time
    assert done.returncode == 1
    assert "job failed (Slurm: CANCELLED, exit code 0:15)" in done.stderr
    assert seconds < 25, f"took {seconds:.1f} s"


def test_job_that_a_requeue_ended_with_a_signal_is_waited_for(recipe):
    (recipe / "fake/lost").touch()
    (recipe / "fake/states").write_text("N/A|COMPLETING|None\n")
    process = start(recipe, "a.log", "true")
    assert wait_for(lambda: (recipe / "q/a.sh").exists() and calls(recipe))
    (done_file,) = [
        Path(line.split(" >")[1].split(".tmp")[0].strip('"'))
        for line in (recipe / "q/a.sh").read_text().splitlines()
        if line.startswith('echo "${status}"')
    ]
    done_file.write_text("143\n")  # SIGTERM, by Slurm
    time.sleep(2)
    (recipe / "fake/states").write_text("N/A|PENDING|BeginTime\n")
    assert wait_for(lambda: not done_file.exists())
    assert process.poll() is None
    done_file.write_text("0\n")  # it ran again
    assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_job(recipe, number):
    (recipe / "fake/lost").touch()
    process = start(recipe, "a.log", "true")
    assert wait_for(lambda: calls(recipe) and (recipe / "fake/environment").exists())
    process.send_signal(number)
    assert process.wait(timeout=20) == 2
    assert calls(recipe)[-1] == "scancel 7"
    name = signal.Signals(number).name
    assert f"caught {name}, cancelling Slurm job 7" in stderr_of(recipe)


def test_under_nohup_a_lost_terminal_cancels_nothing(recipe):
    (recipe / "fake/lost").touch()
    process = start(recipe, "a.log", "true", before=("nohup",))
    assert wait_for(lambda: calls(recipe))
    process.send_signal(signal.SIGHUP)
    time.sleep(2)
    assert process.poll() is None
    process.terminate()
    assert process.wait(timeout=20) == 2


def test_jobs_are_cancelled_when_the_recipe_that_owns_them_is_killed(recipe):
    (recipe / "fake/lost").touch()
    owner = subprocess.Popen(["sleep", "60"])
    process = start(recipe, "a.log", "true", RUN_PL_OWNER=str(owner.pid))
    assert wait_for(lambda: calls(recipe))
    owner.kill()
    owner.wait()
    assert process.wait(timeout=20) == 2
    assert calls(recipe)[-1] == "scancel 7"


def test_variables_named_in_job_variables_reach_the_job_before_path_sh(recipe):
    (recipe / "path.sh").write_text('export SEEN="path.sh saw ${HF_HOME:-nothing}"\n')
    environment = {"JOB_VARIABLES": "HF_HOME UNSET_ONE", "HF_HOME": "/data/it's here"}
    call(recipe, "slurm.pl", "a.log", "echo", "$SEEN", **environment)
    assert output_of(recipe / "a.log") == ["path.sh saw /data/it's here"]
    assert "UNSET_ONE" not in (recipe / "q/a.sh").read_text()


def test_submission_from_within_a_job_does_not_pass_that_jobs_variables(recipe):
    inherited = {"SLURM_ARRAY_TASK_ID": "5", "SLURM_MEM_PER_NODE": "9"}
    call(recipe, "slurm.pl", "a.log", "true", SLURM_CONF="/x/slurm.conf", **inherited)
    assert (recipe / "fake/environment").read_text() == "SLURM_CONF=/x/slurm.conf\n"


@pytest.mark.parametrize("wrapper", ["slurm.pl", "queue.pl"])
def test_pick_repeats_only_what_is_wanted(recipe, wrapper):
    log = "p.JOB.log"
    call(recipe, wrapper, "JOB=1:4", log, "[", "$((JOB%2))", "=", "1", "]")
    (recipe / "p.3.log").write_text("# killed before its end\n")
    done = call(recipe, wrapper, "--pick", "failed", "JOB=1:4", log, "echo", "nJOB")
    assert (done.returncode, done.stderr) == (0, "")
    again = [n for n in range(1, 5) if f"n{n}" in (recipe / f"p.{n}.log").read_text()]
    assert again == [2, 3, 4]
    done = call(recipe, wrapper, "--pick", "failed", "JOB=1:4", log, "echo", "nJOB")
    assert done.returncode == 0
    assert len(calls(recipe)) == 2  # nothing was left to submit


def test_pick_with_gaps_becomes_a_list_for_slurm_and_a_table_for_grid_engine(recipe):
    for number, status in ((1, 1), (2, 0), (3, 1), (4, 1)):
        text = f"# Finished at noon with status {status}\n"
        (recipe / f"g.{number}.log").write_text(text)
    words = ("--pick", "failed", "JOB=1:4", "g.JOB.log", "exit", "1")
    call(recipe, "slurm.pl", *words)
    assert "--array=1,3-4 " in calls(recipe)[0]
    done = call(recipe, "queue.pl", *words)
    assert " -t 1-3 " in calls(recipe)[1]
    assert "failed: g.4.log with status 1" in done.stderr


def test_status_137_is_a_failure_that_speaks_of_memory(recipe):
    for wrapper in ("slurm.pl", "queue.pl"):
        done = call(recipe, wrapper, "a.log", "exit", "137")
        assert done.returncode == 1
        assert "job failed with status 137 (killed: too little memory?" in done.stderr


def test_copied_into_another_recipe_the_set_works_as_it_is(recipe, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(UTILS / "jobs", other / "utils/jobs")
    (other / "parallel").mkdir()
    shutil.copy(UTILS / "slurm.pl", other / "utils")
    (other / "parallel/slurm.pl").symlink_to("../utils/slurm.pl")
    shutil.copytree(recipe / "conf", other / "conf")
    shutil.copy(recipe / "path.sh", other)
    env = {"PATH": f"{FAKE}:/usr/bin:/bin", "FAKE": str(recipe / "fake")}
    done = subprocess.run(  # nothing but the system's python3
        ["parallel/slurm.pl", "a.log", "echo", "hi"],
        cwd=other,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert output_of(other / "a.log") == ["hi"]


def test_wrappers_are_written_in_python_3_8():
    files = [*(UTILS / "jobs").glob("*.py"), *(UTILS / name for name in WRAPPERS)]
    assert len(files) > 10
    for path in files:
        tree = ast.parse(path.read_text(), feature_version=(3, 8))
        for node in ast.walk(tree):  # the standard library only
            if isinstance(node, ast.ImportFrom) and node.module:
                name = node.module.split(".")[0]
                assert name == "jobs" or name in __import__("sys").stdlib_module_names


def test_stdout_shows_the_output_of_one_job_after_the_other(recipe):
    done = call(recipe, "stdout.pl", "JOB=1:2", "s.JOB.log", "echo", "nJOB")
    assert done.returncode == 0
    assert [x for x in done.stdout.splitlines() if x[:1] == "n"] == ["n1", "n2"]
    assert output_of(recipe / "s.2.log") == ["n2"]


def test_wrappers_of_another_checkout_are_used_with_cmd_dir(recipe):
    other = recipe / "kaldi"
    other.mkdir()
    (other / "slurm.pl").write_text('#!/bin/sh\necho other "$@"\n')
    (other / "slurm.pl").chmod(0o755)
    script = ". ./cmd.sh && ${train_cmd} a.log true"
    shutil.copy(UTILS.parent / "cmd.sh", recipe)
    done = run(["bash", "-c", script], recipe, cmd_backend="slurm", cmd_dir=str(other))
    assert done.stdout == "other a.log true\n"


def start(recipe: Path, *words: str, before: tuple[str, ...] = (), **environment: str):
    """Start slurm.pl; its messages go to a file."""
    path = f"{FAKE}:{os.environ['PATH']}"
    fake = str(recipe / "fake")
    with open(recipe / "stderr", "w") as stream:
        return subprocess.Popen(
            [*before, "utils/slurm.pl", *words],
            cwd=recipe,
            env={**os.environ, "PATH": path, "FAKE": fake, **environment},
            stdout=subprocess.DEVNULL,
            stderr=stream,
        )


def stderr_of(recipe: Path) -> str:
    return (recipe / "stderr").read_text()


def wait_for(condition, seconds: float = 30.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("wrapper", ["slurm.pl", "queue.pl"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("x.log",), ("x.log",)),
        (("JOB=1:3", "x.JOB.log"), ("x.2.log",)),
        (("e/log/x.log",), ("e/x.log",)),  # two logs, one job script: e/q/x.sh
    ],
)
def test_second_call_with_a_file_of_the_first_is_refused(
    recipe, wrapper, first, second
):
    (recipe / "fake/states").write_text("7|RUNNING|None\n1|RUNNING|None\n")
    environment = {**os.environ, "FAKE": str(recipe / "fake")}
    environment["PATH"] = f"{FAKE}:{os.environ['PATH']}"
    command = [f"utils/{wrapper}", *first, "sleep", "3"]
    with subprocess.Popen(command, cwd=recipe, env=environment) as one:
        while not list(recipe.rglob("x*.log")):
            time.sleep(0.05)
        other = call(recipe, wrapper, *second, "touch", "ran")
        assert other.returncode == 1
        assert "expected a log of its own for each call" in other.stderr
        assert not (recipe / "ran").exists()
        assert one.wait(timeout=60) == 0
    assert call(recipe, wrapper, *second, "touch", "ran").returncode == 0
    assert (recipe / "ran").exists()
    assert not list(recipe.rglob(".jobs.*"))


def test_job_of_a_killed_wrapper_is_asked_for_before_its_log_is_used_again(recipe):
    note = {"host": socket.gethostname(), "pid": 1, "started": "never", "job": "7"}
    note |= {"query": ["squeue"], "cancel": "scancel 7", "names": ["x.log"]}
    states = recipe / "fake/states"
    states.write_text("|PENDING|Priority\n")
    (recipe / ".jobs.held").write_text(json.dumps(note) + "\n")
    done = call(recipe, "slurm.pl", "x.log", "touch", "ran")
    assert done.returncode == 1
    assert "in use by job 7, whose wrapper" in done.stderr
    assert "do `scancel 7`" in done.stderr
    assert not (recipe / "ran").exists()
    states.write_text("|CANCELLED|None\n")
    (recipe / ".jobs.held").write_text(json.dumps(note) + "\n")
    states.unlink()  # it no longer knows the job
    assert call(recipe, "slurm.pl", "x.log", "touch", "ran").returncode == 0


def test_task_that_waited_and_is_no_longer_known_was_cancelled(recipe):
    (recipe / "fake/lost").touch()
    (recipe / "fake/states").write_text("1|PENDING|Priority\n")
    before = time.monotonic()
    done = call(recipe, "slurm.pl", "JOB=2:2", "x.JOB.log", "true")
    assert time.monotonic() - before < 15
    assert done.returncode == 1
    assert "job failed (Slurm: CANCELLED while it waited)" in done.stderr


def test_interrupt_says_at_once_what_it_waits_for_and_a_second_ends_it(recipe):
    slow = recipe / "slow"
    slow.mkdir()
    (slow / "scancel").write_text("#!/bin/sh\nsleep 60\n")
    (slow / "scancel").chmod(0o755)
    environment = {**os.environ, "FAKE": str(recipe / "fake")}
    environment["PATH"] = f"{slow}:{FAKE}:{os.environ['PATH']}"
    (recipe / "fake/states").write_text("|RUNNING|None\n")
    said = recipe / "said"
    with (
        open(said, "w") as stream,
        subprocess.Popen(
            ["utils/slurm.pl", "x.log", "sleep", "5"],
            cwd=recipe,
            env=environment,
            stderr=stream,
        ) as one,
    ):
        while not (recipe / "x.log").exists():
            time.sleep(0.05)
        for expected in ("cancelling Slurm job 7", "does not answer yet"):
            if "7" in expected:
                one.send_signal(signal.SIGINT)
            deadline = time.monotonic() + 10
            while expected not in said.read_text():
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
        one.send_signal(signal.SIGINT)
        assert one.wait(timeout=5) == 2
    assert "Slurm job 7 stays: interrupted again" in said.read_text()
    assert "end it with `scancel 7`" in said.read_text()
    again = call(recipe, "slurm.pl", "x.log", "touch", "ran")
    assert again.returncode == 1
    assert "in use by job 7, whose wrapper" in again.stderr
    (recipe / "fake/states").unlink()  # it has ended
    assert call(recipe, "slurm.pl", "x.log", "touch", "ran").returncode == 0
