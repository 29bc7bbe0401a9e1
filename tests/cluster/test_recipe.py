"""The embedded recipe through Slurm, stages 1 to 8; a node goes down on the way."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.cluster.running import Cluster, free_ports, wait_for
from tests.conftest import ROOT

RECIPE = ROOT / "egs2/debian_speech/enh_ssl1"
TINY = [
    *("--stage", "1", "--stop_stage", "8", "--nj", "2", "--inference_nj", "1"),
    *("--local_data_opts", "--corpus_size tiny --max_train_utts 8 --max_test_utts 3"),
    *("--scoring_metrics", "SI_SNR SDR", "--recognisers", "", "--ssl_conf", ""),
    *("--train_jobs", "1", "--observation_adding", ""),
    "--enh_args",
    "--max_epoch 4 --num_iters_per_epoch 8 --batch_size 2 --num_workers 0",
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    cluster = Cluster("slurm", folder, SLURM_PORT=str(free_ports(7)))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def recipe(tmp_path):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def test_recipe_runs_through_slurm_and_survives_the_loss_of_a_node(slurm, recipe):
    output = recipe / "output"
    with open(output, "w") as stream:
        process = subprocess.Popen(
            [recipe / "run.sh", *TINY],
            # the interpreter of this test, so that no second environment is made
            env={**slurm.env, "cmd_backend": "slurm", "PYTHON": sys.executable},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )

    def goes_on() -> bool:
        return process.poll() is None

    def has_checkpoint() -> bool:
        return not goes_on() or any(recipe.glob("exp/enh_*/checkpoint.pth"))

    assert wait_for(has_checkpoint, 240), output.read_text()[-3000:]
    assert goes_on(), output.read_text()[-3000:]
    number, node = slurm.ask("squeue", "-h", "-t", "R", "-o", "%i %N").split()
    slurm.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
    state = ("squeue", "-h", "-j", number, "-o", "%T")
    assert wait_for(lambda: "PENDING" in slurm.ask(*state))
    slurm.ask("scontrol", "update", f"nodename={node}", "state=resume")
    # Slurm holds it back for two minutes; at once its credential would be a revoked one
    time.sleep(5)
    slurm.ask("scontrol", "update", f"jobid={number}", "starttime=now")
    process.wait(timeout=400)
    text = output.read_text()
    assert process.returncode == 0, text[-3000:]
    logs = [path.read_text() for path in recipe.glob("exp/enh_*_seed0/train.log")]
    assert [("training was resumed using" in log) for log in logs].count(True) == 1
    for log in logs:
        assert "4epoch results" in log
    scored = [
        *recipe.glob("dump/raw/test_en/scoring*/scores.jsonl"),
        *recipe.glob("exp/*/enhanced_test_en/scoring/scores.jsonl"),
    ]
    assert [len(path.read_text().splitlines()) for path in scored] == [3] * 5
    done = (slurm.folder / "log/jobcomp.log").read_text()
    for job in ("format", "stats", "train", "enh_inference", "score"):
        assert any(recipe.rglob(f"q/{job}*.sh")), job
    assert done.count("JobState=COMPLETED") >= 3 * 2 + 2 + 3 + 3 + 5
    assert os.path.exists(recipe / "exp/enh_stats_16k/.stamp")
