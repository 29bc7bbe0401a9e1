"""Two nodes train what one process trains: espnet2.bin.launch, slurm.pl, srun, gloo."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import torch
import yaml

from espnet2_ext.fileio.scp import write_scp
from tests.cluster.running import Cluster, free_ports
from tests.conftest import ROOT
from tests.tasks.conftest import SMALL, SNR
from tests.tasks.test_enh_ssl import train_args
from tests.tiny_corpus import FS, speech_like

UTTERANCES, SECONDS = 8, 1.0
TRAINING = {
    "max_epoch": 2,
    "num_iters_per_epoch": None,
    "batch_size": 4,  # over all processes: ESPnet gives each its part
    "optim": "sgd",
    "optim_conf": {"lr": 0.01},
}


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    cluster = Cluster("slurm", folder, SLURM_PORT=str(free_ports(7)))
    (cluster.recipe / "path.sh").write_text(
        f'export PATH="{os.path.dirname(sys.executable)}:${{PWD}}/utils:${{PATH}}"\n'
        f'export PYTHONPATH="{ROOT}" OMP_NUM_THREADS=1 GLOO_SOCKET_IFNAME=lo\n'
        f'export NLTK_DATA="{ROOT}/egs2/TEMPLATE/enh_ssl1/utils/no_nltk"\n'
    )
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, checkpoints):
    """Training options for an output directory; all utterances are of one length.

    So no batch is padded, and a part of it has the features of the whole.
    """
    import numpy as np

    from espnet2_ext.fileio.audio import write_audio

    data, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    tables: dict[str, dict[str, str]] = {"wav.scp": {}, "spk1.scp": {}}
    for number in range(UTTERANCES):
        clean = speech_like(rng, int(SECONDS * FS))
        noisy = clean + 0.05 * rng.standard_normal(len(clean)).astype(np.float32)
        for name, wav in (("wav.scp", noisy), ("spk1.scp", clean)):
            path = data / f"{number}.{name}.wav"
            write_audio(path, wav, FS)
            tables[name][f"utt{number}"] = str(path)
    for name, table in tables.items():
        write_scp(data / name, table)
    for key in ("speech_mix", "speech_ref1"):
        lengths = {utt: str(int(SECONDS * FS)) for utt in tables["wav.scp"]}
        write_scp(data / f"{key}_shape", lengths)
    ssl = {
        "name": "ssl",
        "conf": {
            "upstream": "wavlm_local",
            "path_or_url": str(checkpoints["wavlm_local"]),
        },
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0},
    }
    config = data / "train.yaml"
    config.write_text(yaml.safe_dump({**SMALL, **TRAINING, "criterions": [SNR, ssl]}))
    return lambda output: list(map(str, train_args(data, output, config)))


def losses(log: str) -> list[float]:
    """Mean training and validation loss of every epoch."""
    found = re.findall(
        r"epoch results: .*?\bloss=([\d.e+-]+).*valid\].*?loss=(\S+?),", log
    )
    return [float(number) for pair in found for number in pair]


def test_two_nodes_give_the_loss_and_the_weights_of_one_process(
    slurm, arguments, tmp_path
):
    train = [sys.executable, "-m", "espnet2_ext.bin.enh_ssl_train"]
    alone = subprocess.run(
        [*train, *arguments(tmp_path / "one")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert alone.returncode == 0, alone.stderr[-3000:]
    launch = [sys.executable, "-m", "espnet2.bin.launch"]
    launch += ["--cmd", "slurm.pl --name train", "--log", str(tmp_path / "train.log")]
    launch += ["--ngpu", "0", "--num_nodes", "2"]
    launch += ["--init_file_prefix", str(tmp_path / "init_"), "--"]
    path = f"{slurm.recipe}/utils:{slurm.env['PATH']}"
    both = subprocess.run(
        [*launch, *train, *arguments(tmp_path / "two")],
        cwd=slurm.recipe,
        env={**slurm.env, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert both.returncode == 0, both.stdout[-3000:] + both.stderr[-3000:]
    log = (tmp_path / "train.log").read_text()
    assert "0/2]" in log, "two processes"
    # single precision, and sums in another order: 1e-4
    expected = losses(alone.stderr)
    assert len(expected) == 4
    assert losses(log) == pytest.approx(expected, rel=1e-4)
    one, two = (
        torch.load(tmp_path / name / "valid.loss.best.pth", weights_only=True)
        for name in ("one", "two")
    )
    for key in one:
        torch.testing.assert_close(two[key], one[key], rtol=1e-3, atol=1e-5)
