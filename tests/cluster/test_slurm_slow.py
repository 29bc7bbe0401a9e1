"""slurm.pl on a real Slurm: what takes minutes, or a database."""

from __future__ import annotations

import re
import signal

import pytest

from tests.cluster.running import Cluster, Done, free_ports, wait_for

pytestmark = pytest.mark.slow


def started(folder, extra: str, **settings: str) -> Cluster:
    port = str(free_ports(7))
    cluster = Cluster("slurm", folder, SLURM_PORT=port, SLURM_EXTRA=extra, **settings)
    cluster.start()
    return cluster


@pytest.fixture
def slurm(tmp_path):
    """A Slurm that forgets ended jobs after 2 s."""
    cluster = started(tmp_path, "MinJobAge=2")
    yield cluster
    cluster.stop()


@pytest.fixture
def accounting(tmp_path):
    """The same with a database, so that sacct answers."""
    cluster = started(tmp_path, "MinJobAge=2", SLURM_ACCOUNTING="1")
    yield cluster
    cluster.stop()


def cancelled_and_forgotten(cluster: Cluster) -> Done:
    """Cancel a job while slurm.pl does not look, until squeue has forgotten it."""
    call = cluster.call("gone.log", "sleep", "300")
    assert wait_for(lambda: (cluster.recipe / "gone.log").exists())
    call.process.send_signal(signal.SIGSTOP)
    found = re.search(r"batch job (\d+)", cluster.log("q/gone.log"))
    assert found
    cluster.ask("scancel", found[1])
    forgotten = "Invalid job id"
    assert wait_for(lambda: forgotten in cluster.ask("squeue", "-j", found[1]), 120)
    call.process.send_signal(signal.SIGCONT)
    return call.wait(150)


def test_time_limit(slurm):
    done = slurm.run("--time", "1", "time.log", "sleep", "300", seconds=200)
    assert done.status == 1
    assert "job failed (Slurm: TIMEOUT" in done.stderr
    assert "DUE TO TIME LIMIT" in done.stderr
    assert done.seconds < 130, f"took {done.seconds:.1f} s"  # Slurm itself: 65-84 s


def test_forgotten_job_without_accounting_is_a_failure_in_the_end(slurm):
    done = cancelled_and_forgotten(slurm)
    assert done.status == 1
    assert "job failed (Slurm: no longer known)" in done.stderr
    assert "CANCELLED AT" in done.stderr
    assert done.seconds < 100, f"took {done.seconds:.1f} s"


def test_forgotten_job_is_found_by_sacct(accounting):
    done = cancelled_and_forgotten(accounting)
    assert done.status == 1
    assert "job failed (Slurm: CANCELLED" in done.stderr
    assert done.seconds < 45, f"took {done.seconds:.1f} s"
