"""queue.pl on a real Grid Engine: how jobs end, and how soon that is known."""

from __future__ import annotations

import re
import time

import pytest

from tests.cluster.running import Cluster, free_ports, wait_for

SOON = 45.0  # seconds; the reference needs 80 s for qdel, and 137 waits for ever


@pytest.fixture(scope="module")
def ge(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ge")
    cluster = Cluster("ge", folder, GE_PORT=str(free_ports(2)))
    cluster.start()
    yield cluster
    cluster.stop()


def have_started(cluster: Cluster, *logs: str) -> bool:
    return all((cluster.recipe / log).exists() for log in logs)


def job_id(cluster: Cluster, queue_log: str) -> str:
    found = re.search(r"Your job\S* (\d+)", cluster.log(queue_log))
    assert found
    return found[1]


def test_good_array_with_every_option(ge):
    words = ("--mem", "100M", "--time", "0:10:00", "--num-threads", "2", "--name", "a")
    limit = ("--max-jobs-run", "2", "JOB=1:3")
    done = ge.run(*words, *limit, "good/log/a.JOB.log", "echo", "hi JOB", "$NSLOTS")
    assert (done.status, done.stderr) == (0, "")
    assert [ge.output(f"good/log/a.{n}.log") for n in (1, 3)] == [
        ["hi 1 2"],
        ["hi 3 2"],
    ]
    assert "# QUEUE=all.q" in ge.log("good/log/a.1.log")
    assert not list((ge.recipe / "good/q/sync").iterdir())


def test_pretend_gpu(ge):
    assert ge.run("--gpu", "1", "gpu.log", "true").status == 0
    assert "# QUEUE=g.q" in ge.log("gpu.log")


def test_failing_task(ge):
    done = ge.run("JOB=1:4", "f.JOB.log", "echo", "broken", ";", "exit", "$((JOB%2))")
    assert done.status == 1
    assert "queue.pl: 2 / 4 failed, log is in f.*.log" in done.stderr
    assert "    broken\n" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_status_137_is_a_failure_and_leaves_nothing_in_the_queue(ge):
    done = ge.run("killed.log", "python3", "-c", "import os; os.kill(os.getpid(), 9)")
    assert done.status == 1
    assert "job failed with status 137" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"
    assert wait_for(lambda: ge.ask("qstat", "-u", "*") == "")


def test_deleted_job_of_which_one_task_still_waited(ge):
    call = ge.call("--num-threads", "4", "JOB=1:2", "all.JOB.log", "sleep", "300")
    assert wait_for(lambda: have_started(ge, "all.1.log"))
    ge.ask("qdel", job_id(ge, "q/all.log"))
    done = call.wait(90)
    assert done.status == 1
    assert "2 / 2 failed" in done.stderr
    assert "failed: all.1.log (Grid Engine: ended, failed 100" in done.stderr
    assert "failed: all.2.log (Grid Engine: deleted while it waited)" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_deleted_task_is_said_while_the_others_run(ge):
    call = ge.call("JOB=1:2", "one.JOB.log", "sleep", "20")
    assert wait_for(lambda: have_started(ge, "one.1.log", "one.2.log"))
    ge.ask("qdel", job_id(ge, "q/one.log") + ".1")
    assert wait_for(lambda: "job 1 failed " in call.said(), 25), call.said()
    done = call.wait(90)
    assert "queue.pl: 1 / 2 failed, log is in one.*.log" in done.stderr


@pytest.mark.parametrize("span", [["JOB=1:2"], []])
def test_job_deleted_while_it_waits_is_known_soon_with_the_reason(ge, span):
    name = f"waits{len(span)}"
    later = ("-a", "203001010000")
    call = ge.call(*later, *span, f"{name}.JOB.log" if span else f"{name}.log", "true")
    queue_log = ge.recipe / f"q/{name}.log"
    assert wait_for(lambda: queue_log.exists() and "submitted" in queue_log.read_text())
    job = job_id(ge, f"q/{name}.log")
    assert wait_for(lambda: job in ge.ask("qstat", "-u", "*"))
    time.sleep(1.5)  # it has been seen to wait
    before = time.monotonic()
    ge.ask("qdel", job)
    done = call.wait(60)
    assert time.monotonic() - before < 20
    assert done.status == 1
    assert "(Grid Engine: deleted while it waited)" in done.stderr, done.stderr


def test_of_two_calls_with_one_log_the_second_is_refused(ge):
    calls = [
        ge.call("same/x.log", "touch", f"{n}.ran", ";", "sleep", "1")
        for n in ("a", "b")
    ]
    for n, call in zip(("a", "b"), calls, strict=True):
        done = call.wait(60)
        assert (done.status == 0) == (ge.recipe / f"{n}.ran").exists(), done.stderr
        assert done.status == 0 or "expected a log of its own" in done.stderr


def test_job_of_a_killed_wrapper_is_not_mixed_with_a_new_one(ge):
    call = ge.call("orphan.log", "sleep", "300")
    assert wait_for(lambda: have_started(ge, "orphan.log"))
    call.process.kill()
    call.process.wait()
    job = job_id(ge, "q/orphan.log")
    again = ge.run("orphan.log", "true")
    assert again.status == 1
    assert f"`qdel {job}`" in again.stderr
    ge.ask("qdel", job)
    assert wait_for(lambda: ge.run("orphan.log", "true").status == 0)


def test_request_that_qsub_refuses(ge):
    done = ge.run("-q", "nowhere.q", "-l", "nothing=1", "refused.log", "true")
    assert done.status == 1
    assert "error submitting jobs to queue" in done.stderr
    assert 'unknown resource "nothing"' in done.stderr


def test_request_that_can_never_start(ge):
    done = ge.run("--gpu", "9", "--give-up", "3", "never.log", "true", seconds=90)
    assert done.status == 1
    assert done.stderr.count("cannot start: no queue could ever take it") == 1
    assert "(-l gpu=9) cannot run in queue" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"
    assert wait_for(lambda: ge.ask("qstat", "-u", "*") == "")


def test_qmaster_that_is_down_for_a_while(ge):
    call = ge.call("down.log", "sleep", "12")
    assert wait_for(lambda: have_started(ge, "down.log"))
    ge.end("qmaster")
    assert wait_for(lambda: "Grid Engine does not answer" in call.said(), 90)
    late = ge.call("late.log", "echo", "late")  # submitted in the meantime
    assert wait_for(lambda: "Grid Engine does not answer" in late.said(), 90)
    ge.restart("qmaster", "sge_qmaster", SGE_ND="1")
    for one in (call, late):
        done = one.wait(150)
        assert done.status == 0, done.stderr
        assert done.stderr.count("does not answer") == 1
    assert ge.output("late.log") == ["late"]


def test_sigterm_deletes_the_jobs(ge):
    call = ge.call("JOB=1:2", "term.JOB.log", "sleep", "300")
    assert wait_for(lambda: have_started(ge, "term.1.log", "term.2.log"))
    call.process.terminate()
    done = call.wait(60)
    assert done.status == 2
    assert "caught SIGTERM, cancelling Grid Engine job" in done.stderr
    assert wait_for(lambda: ge.ask("qstat", "-u", "*") == "")


def test_pick_with_gaps(ge):
    words = ("JOB=1:4", "p.JOB.log", "echo", "nJOB", ";", "[", "-e", "there", "-o")
    words += ("$((JOB%2))", "=", "0", "]")
    assert ge.run(*words).status == 1
    (ge.recipe / "there").touch()
    done = ge.run("--pick", "failed", *words)
    assert (done.status, done.stderr) == (0, "")
    assert " -t 1-2 " in ge.log("q/p.sh")
    assert [ge.output(f"p.{n}.log") for n in (1, 3)] == [["n1"], ["n3"]]
