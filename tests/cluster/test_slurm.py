"""slurm.pl on a real Slurm: how jobs end, and how soon that is known.

The limits are generous (CI machines are busy); for the usual times see
tests/benchmarks/bench_jobs.py.
"""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.cluster.running import Cluster, free_ports, wait_for

SOON = 45.0  # seconds; the reference needs 424 s or for ever


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    # MessageTimeout: how long squeue tries to reach a dead controller
    extra = "MessageTimeout=5\nEnforcePartLimits=NO"
    folder = tmp_path_factory.mktemp("slurm")
    settings = {"SLURM_PORT": str(free_ports(7)), "SLURM_EXTRA": extra}
    cluster = Cluster("slurm", folder, **settings)
    cluster.start()
    yield cluster
    cluster.stop()


def have_started(cluster: Cluster, *logs: str) -> bool:
    return all((cluster.recipe / log).exists() for log in logs)


def job_id(cluster: Cluster, queue_log: str) -> str:
    found = re.search(r"batch job (\d+)", cluster.log(queue_log))
    assert found
    return found[1]


def test_good_array(slurm):
    done = slurm.run("--mem", "200M", "JOB=1:4", "good/log/a.JOB.log", "echo", "hi JOB")
    assert (done.status, done.stderr) == (0, "")
    assert [slurm.output(f"good/log/a.{n}.log") for n in (1, 4)] == [["hi 1"], ["hi 4"]]
    assert "# SLURM_JOB_PARTITION=cpu" in slurm.log("good/log/a.1.log")
    assert sorted(p.name for p in (slurm.recipe / "good/q").iterdir()) == [
        "a.log",
        "a.sh",
    ]


def test_job_without_a_number_on_a_gpu_with_more_threads_than_gpus(slurm):
    done = slurm.run(
        "--gpu", "2", "--num-threads", "3", "gpu.log", "nproc_is", seconds=60
    )
    assert done.status == 1
    text = slurm.log("gpu.log")
    assert "nproc_is: command not found" in text
    assert "# SLURM_JOB_PARTITION=gpu" in text
    assert "# SLURM_CPUS_ON_NODE=3" in text
    assert "job failed with status 127, log is in gpu.log" in done.stderr


def test_failing_task(slurm):
    done = slurm.run(
        "JOB=1:4", "f.JOB.log", "echo", "broken", ";", "exit", "$((JOB%2))"
    )
    assert done.status == 1
    assert "slurm.pl: 2 / 4 failed, log is in f.*.log" in done.stderr
    assert "slurm.pl: failed: f.1.log with status 1" in done.stderr
    assert "    broken\n" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_status_137(slurm):
    done = slurm.run(
        "killed.log", "python3", "-c", "import os; os.kill(os.getpid(), 9)"
    )
    assert done.status == 1
    assert "job failed with status 137 (killed: too little memory?" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_cancel_of_the_job(slurm):
    call = slurm.call("--name", "all", "JOB=1:2", "all.JOB.log", "sleep", "300")
    assert wait_for(lambda: have_started(slurm, "all.1.log", "all.2.log"))
    slurm.ask("scancel", job_id(slurm, "q/all.log"))
    done = call.wait(60)
    assert done.status == 1
    assert "2 / 2 failed" in done.stderr
    assert "failed: all.2.log (Slurm: CANCELLED" in done.stderr
    assert "CANCELLED AT" in done.stderr  # Slurm's own words, from q/all.log
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_cancel_of_one_task_is_said_while_the_others_run(slurm):
    call = slurm.call("--name", "one", "JOB=1:2", "one.JOB.log", "sleep", "20")
    assert wait_for(lambda: have_started(slurm, "one.1.log", "one.2.log"))
    slurm.ask("scancel", job_id(slurm, "q/one.log") + "_1")
    message = "job 1 failed (Slurm: CANCELLED"
    assert wait_for(lambda: message in call.said(), 25), call.said()
    assert "waiting for 1 more" in call.said()
    done = call.wait(90)
    assert "slurm.pl: 1 / 2 failed, log is in one.*.log" in done.stderr
    assert slurm.log("one.2.log").rstrip().endswith("with status 0")


LATER = ("-b", "now+1hour")  # a job that waits


@pytest.mark.parametrize("which", ["", "_[1-3]", "_2"])
@pytest.mark.parametrize("array", [True, False])
def test_job_cancelled_while_it_waits_is_known_soon_with_the_reason(
    slurm, which, array
):
    if which and not array:
        pytest.skip("a job without tasks is cancelled as a whole")
    name = f"wait{array}{which.strip('_[]')}"
    span, log = (["JOB=1:3"], f"{name}.JOB.log") if array else ([], f"{name}.log")
    call = slurm.call(*LATER, *span, log, "true")
    assert wait_for(lambda: "Submitted" in read(slurm, f"q/{name}.log"))
    job = job_id(slurm, f"q/{name}.log")
    time.sleep(1.5)  # it has been seen to wait
    before = time.monotonic()
    slurm.ask("scancel", job + which)
    if which == "_2":
        message = "job 2 failed (Slurm: CANCELLED"
        assert wait_for(lambda: message in call.said(), 20), call.said()
        before = time.monotonic()
        slurm.ask("scancel", job)
    done = call.wait(60)
    assert time.monotonic() - before < 20
    assert done.status == 1
    assert "(Slurm: CANCELLED" in done.stderr, done.stderr
    assert not array or "3 / 3 failed" in done.stderr


def read(cluster, name):
    path = cluster.recipe / name
    return path.read_text() if path.exists() else ""


def test_of_two_calls_with_one_log_the_second_is_refused(slurm):
    for span, log in ((["JOB=1:3"], "same/x.JOB.log"), ([], "same/y.log")):
        for turn in range(3):
            calls = [
                slurm.call(*span, log, "touch", f"{n}.ran.{turn}", ";", "sleep", "1")
                for n in ("a", "b")
            ]
            done = [call.wait(60) for call in calls]
            for n, one in zip(("a", "b"), done, strict=True):
                ran = (slurm.recipe / f"{n}.ran.{turn}").exists()
                assert (one.status == 0) == ran, one.stderr
                assert ran or "expected a log of its own" in one.stderr
            assert any(one.status == 0 for one in done)
            for n in ("a", "b"):
                (slurm.recipe / f"{n}.ran.{turn}").unlink(missing_ok=True)
    assert not list((slurm.recipe / "same").rglob(".jobs.*"))


def test_job_of_a_killed_wrapper_is_not_mixed_with_a_new_one(slurm):
    call = slurm.call("orphan.log", "sleep", "300")
    assert wait_for(lambda: have_started(slurm, "orphan.log"))
    call.process.kill()
    call.process.wait()
    job = job_id(slurm, "q/orphan.log")
    again = slurm.run("orphan.log", "true")
    assert again.status == 1
    assert f"in use by job {job}, whose wrapper" in again.stderr
    assert f"`scancel {job}`" in again.stderr
    slurm.ask("scancel", job)
    assert wait_for(lambda: slurm.run("orphan.log", "true").status == 0)


def test_interrupt_while_the_controller_is_down_says_which_job_stays(slurm):
    call = slurm.call("stays.log", "sleep", "300")
    assert wait_for(lambda: have_started(slurm, "stays.log"))
    job = job_id(slurm, "q/stays.log")
    try:
        slurm.end("slurmctld")
        before = time.monotonic()
        call.process.send_signal(signal.SIGINT)
        said = f"caught SIGINT, cancelling Slurm job {job}"
        assert wait_for(lambda: said in call.said(), 5), call.said()
        assert time.monotonic() - before < 5
        assert wait_for(lambda: "does not answer yet" in call.said(), 10)
        call.process.send_signal(signal.SIGINT)
        done = call.wait(10)
        assert done.status == 2
        assert f"job {job} stays: interrupted again" in done.stderr
        assert f"end it with `scancel {job}`" in done.stderr
    finally:
        conf = str(slurm.folder / "slurm.conf")
        slurm.restart("slurmctld", "slurmctld", "-D", "-f", conf)
    assert wait_for(lambda: slurm.ask("scancel", job) == "")


def test_memory_kill(slurm):
    eat = "x = bytearray(400 << 20); import time; time.sleep(60)"
    done = slurm.run("--mem", "60M", "memory.log", "python3", "-c", eat)
    assert done.status == 1
    assert "Exceeded job memory limit" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-p", "nowhere"), "invalid partition specified: nowhere"),
        (("-z", "1"), "invalid option -- 'z'"),
        (("--mem", "900G"), "Memory specification can not be satisfied"),
        (("--max-jobs-run", "2", "JOB=1:5000"), "Invalid job array specification"),
    ],
)
def test_request_that_sbatch_refuses(slurm, words, message):
    done = slurm.run(*words, "refused.JOB.log", "true")
    assert done.status == 1
    assert "error submitting jobs to queue (return status was " in done.stderr
    assert message in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_request_that_can_never_start(slurm):
    done = slurm.run("--time", "3-0", "--give-up", "3", "never.log", "true")
    assert done.status == 1
    assert done.stderr.count("cannot start: PartitionTimeLimit") == 1
    assert "giving up in 3 s" in done.stderr
    assert "job failed (Slurm: never started: PartitionTimeLimit" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"
    number = job_id(slurm, "q/never.log")
    assert wait_for(lambda: "CANCELLED" in slurm.ask("scontrol", "show", "job", number))


def test_held_job_is_waited_for(slurm):
    conf = slurm.recipe / "conf/held.conf"
    conf.write_text("command sbatch --export=PATH --hold\n")
    words = ("--config", "conf/held.conf", "--give-up", "0", "held.log", "echo", "free")
    call = slurm.call(*words)
    assert wait_for(lambda: "is held back: JobHeldUser" in call.said(), 30), call.said()
    slurm.ask("scontrol", "release", job_id(slurm, "q/held.log"))
    done = call.wait(60)
    assert done.status == 0, done.stderr
    assert done.stderr.count("is held back") == 1


def test_node_failure(slurm):
    conf = slurm.recipe / "conf/no_requeue.conf"
    conf.write_text("command sbatch --export=PATH --no-requeue\noption name=* -J $0\n")
    words = ("--config", "conf/no_requeue.conf", "-w", "n2", "--name", "node")
    call = slurm.call(*words, "node.log", "sleep", "300")
    assert wait_for(lambda: have_started(slurm, "node.log"))
    slurm.ask("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    done = call.wait(60)
    slurm.ask("scontrol", "update", "nodename=n2", "state=resume")
    assert done.status == 1
    assert "(Slurm: NODE_FAIL" in done.stderr
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_requeued_job_runs_again_and_keeps_its_first_log(slurm):
    script = "echo run; [ -e requeued ] || sleep 300"
    call = slurm.call("--name", "again", "again.log", "bash", "-c", script)
    assert wait_for(lambda: have_started(slurm, "again.log"))
    assert wait_for(lambda: slurm.output("again.log") == ["run"])
    (slurm.recipe / "requeued").touch()
    number = job_id(slurm, "q/again.log")
    slurm.ask("scontrol", "requeue", number)
    assert wait_for(
        lambda: "PENDING" in slurm.ask("squeue", "-h", "-j", number, "-o%T")
    )
    # Slurm holds it back for two minutes; at once its credential would be a revoked one
    time.sleep(5)
    slurm.ask("scontrol", "update", f"jobid={number}", "starttime=now")
    done = call.wait(170)
    assert done.status == 0, done.stderr
    assert "job failed" not in done.stderr
    assert slurm.output("again.log") == ["run", "run"]


def test_controller_that_is_down_for_a_while(slurm):
    call = slurm.call("down.log", "sleep", "12")
    assert wait_for(lambda: (slurm.recipe / "down.log").exists())
    slurm.end("slurmctld")
    assert wait_for(lambda: "Slurm does not answer" in call.said(), 90), call.said()
    late = slurm.call("late.log", "echo", "late")  # submitted in the meantime
    assert wait_for(lambda: "Slurm does not answer" in late.said(), 90), late.said()
    conf = str(slurm.folder / "slurm.conf")
    slurm.restart("slurmctld", "slurmctld", "-D", "-f", conf)
    for one in (call, late):
        done = one.wait(120)
        assert done.status == 0, done.stderr
        assert done.stderr.count("does not answer") == 1
    assert slurm.output("late.log") == ["late"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_cancels_the_jobs(slurm, number):
    name = signal.Signals(number).name
    call = slurm.call("--name", name, "JOB=1:2", f"{name}.JOB.log", "sleep", "300")
    assert wait_for(lambda: have_started(slurm, f"{name}.1.log", f"{name}.2.log"))
    call.process.send_signal(number)
    done = call.wait(60)
    assert done.status == 2
    assert f"caught {name}, cancelling Slurm job" in done.stderr
    assert wait_for(lambda: not slurm.ask("squeue", "-h", "-n", name).strip())
    assert done.seconds < SOON, f"took {done.seconds:.1f} s"


def test_recipe_inside_a_job_submits_jobs_of_its_own(slurm):
    inner = "slurm.pl --mem 100M inner.log printenv SLURM_MEM_PER_CPU"
    words = ("--mem", "500M", "JOB=4:4", "outer.JOB.log", "bash", "-c", inner)
    environment = {"SLURM_CONF": slurm.env["SLURM_CONF"], "JOB_VARIABLES": "SLURM_CONF"}
    done = slurm.run(*words, seconds=90, **environment)
    assert done.status == 0, done.stderr
    assert slurm.output("inner.log") == ["100"]
    assert "SLURM_ARRAY_TASK_ID" not in slurm.log("inner.log")


def test_two_nodes_with_srun(slurm):
    words = ("--num_nodes", "2", "--num_threads", "1", "--gpu", "1", "--name", "two")
    show = r"echo \$SLURM_PROCID/\$SLURM_NTASKS on \$SLURMD_NODENAME"
    done = slurm.run(*words, "two.log", "srun", "--export=ALL", "bash", "-c", show)
    assert done.status == 0, done.stderr
    assert sorted(slurm.output("two.log")) == ["0/2 on n3", "1/2 on n4"]


def test_pick_submits_only_what_failed(slurm):
    words = ("JOB=1:4", "p.JOB.log", "[", "-e", "there", "-o", "JOB", "-lt", "3", "]")
    assert slurm.run(*words).status == 1
    (slurm.recipe / "there").touch()
    done = slurm.run("--pick", "failed", *words)
    assert (done.status, done.stderr) == (0, "")
    assert "--array=3-4 " in slurm.log("q/p.sh")
