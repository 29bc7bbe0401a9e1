"""in_jobs.py: lists are shared out, outputs merged, finished jobs are not repeated."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers import UTILS

# Notes its job and copies its part of the list, unless FAIL_IN names it.
WORK = (
    'echo JOB >> ran; [ "${FAIL_IN:-}" != JOB ] || exit 3; '
    "mkdir -p w/logdir/output.JOB/sub; "
    "cp w/logdir/keys.JOB.scp w/logdir/output.JOB/sub/out.scp"
)


@pytest.fixture
def call(tmp_path: Path):
    (tmp_path / "list").write_text("".join(f"u{n} {n}\n" for n in range(5)))

    def run(
        *words: str, work: str = "option a", command: str = WORK, **environment: str
    ):
        (tmp_path / "ran").unlink(missing_ok=True)
        options = ["--cmd", "run.pl", "--jobs", "3", "--log", "w/logdir/x.JOB.log"]
        options += ["--split", "keys=list", "--merge", "sub/out.scp", "--work", work]
        env = {**os.environ, "PATH": f"{UTILS}:{os.environ['PATH']}", **environment}
        done = subprocess.run(
            [UTILS / "in_jobs.py", *options, *words, "--", "bash", "-c", command],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
        )
        ran = tmp_path / "ran"
        return done, sorted(ran.read_text().split()) if ran.exists() else []

    return run


def test_every_line_goes_to_one_job_in_order_and_comes_back_sorted(call, tmp_path):
    (tmp_path / "list").write_text("b 1\na 2\nd 3\nc 4\nB 5\n")
    done, ran = call()
    assert (done.returncode, ran) == (0, ["1", "2", "3"]), done.stderr
    parts = [(tmp_path / f"w/logdir/keys.{n}.scp").read_text() for n in (1, 2, 3)]
    assert "".join(parts) == (tmp_path / "list").read_text()
    assert sorted(part.count("\n") for part in parts) == [1, 2, 2]
    assert (tmp_path / "w/out.scp").read_text() == "B 5\na 2\nb 1\nc 4\nd 3\n"


def test_only_unfinished_jobs_of_the_same_work_are_repeated(call):
    done, ran = call(FAIL_IN="2")
    assert (done.returncode, ran) == (1, ["1", "2", "3"])
    assert call(FAIL_IN="9")[1] == ["2"]
    call(FAIL_IN="2", work="option b")
    assert call(work="option c")[1] == ["1", "2", "3"]
    call(FAIL_IN="2", work="option d")
    assert call("--resume_jobs", "false", work="option d")[1] == ["1", "2", "3"]


def test_another_number_of_jobs_is_other_work(call):
    call(FAIL_IN="2")
    assert call("--jobs", "2")[1] == ["1", "2"]


def test_logs_of_other_work_are_removed_but_not_its_own(call, tmp_path):
    call()
    (tmp_path / "w/logdir/x.1.out").write_text("mine")
    call("--jobs", "1", work="option b")
    assert not (tmp_path / "w/logdir/x.3.log").exists()
    assert not (tmp_path / "w/logdir/output.3").exists()
    assert (tmp_path / "w/logdir/x.1.out").read_text() == "mine"


def test_wrappers_of_another_checkout_repeat_everything(call, tmp_path):
    (tmp_path / "run.pl").symlink_to(UTILS / "run.pl")
    cmd = ("--cmd", str(tmp_path / "run.pl"))
    call(*cmd, FAIL_IN="2")
    assert call(*cmd)[1] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("true", "found no w/logdir/output.1/sub/out.scp"),
        (f"{WORK}; : > w/logdir/output.JOB/sub/out.scp", "found 0 lines in w/out.scp"),
    ],
)
def test_output_that_is_missing_or_short_is_an_error_and_replaces_nothing(
    call, tmp_path, command, message
):
    call()
    before = (tmp_path / "w/out.scp").read_text()
    done, _ = call(command=command, work="option b")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "w/out.scp").read_text() == before
