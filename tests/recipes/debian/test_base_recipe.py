"""egs2/debian_speech/enh_base1: from its data to an exported system, in little."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import yaml

from corpus import base_sets
from corpus.base_sets import write_base_sets
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp
from tests.conftest import ROOT

RECIPE = ROOT / "egs2/debian_speech/enh_base1"
CONFIG = RECIPE / "conf/tuning/train_enh_tcn_base_snr.yaml"


def run(recipe, *args):
    # the interpreter of this test, so that no second environment is made
    env = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [recipe / "run.sh", "--ngpu", "0", *map(str, args)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def done(downstream_root, tmp_path_factory):
    """Train an epoch in a recipe of links, enhance, score; gives (recipe, process)."""
    recipe = tmp_path_factory.mktemp("debian_base")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (recipe / path.name).symlink_to(path)
    trees = {tree.name: tree for tree in sorted(downstream_root.iterdir())}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base_sets, "FILES", {"train": 1, "valid": 1})
        patch.setattr(base_sets, "ROOMS", {"train": 2, "valid": 1})
        patch.chdir(recipe)
        write_base_sets(trees, base_sets.Path("data"), {"train": 12, "valid": 4})
    small = "--max_epoch 1 --separator_conf hidden_dim=8 --separator_conf layer=1 "
    small += "--chunk_length 8000"
    words = ["--stage", 3, "--stop_stage", 8, "--enh_args", small]
    words += ["--scoring_metrics", "SI_SNR"]
    words += ["--inference_model", "valid.loss.best.pth", "--enh_tag", "tiny"]
    return recipe, run(recipe, *words)


def test_system_is_trained_on_new_mixtures_and_enhances(done):
    recipe, process = done
    assert process.returncode == 0, process.stdout
    exp = recipe / "exp/enh_tiny"
    trained = yaml.safe_load((exp / "config.yaml").read_text())
    assert trained["preprocessor"] == "on_the_fly"
    assert (
        trained["preprocessor_conf"]
        == (yaml.safe_load(CONFIG.read_text())["preprocessor_conf"])
    )
    # clean speech alone would give an SNR without bound
    log = (exp / "train.log").read_text()
    losses = [x.split(",")[0] for x in log.split("snr_loss=")[1:]]
    assert losses
    assert all(np.isfinite(float(x)) and float(x) > -60 for x in losses)
    for path in read_scp(exp / "enhanced_valid/spk1.scp").values():
        assert np.isfinite(read_audio(str(recipe / path))[0]).all()


def test_exported_system_needs_nothing_of_ours(done):
    recipe, process = done
    assert process.returncode == 0, process.stdout
    portable = yaml.safe_load(
        (recipe / "exp/enh_tiny/portable/config.yaml").read_text()
    )
    assert portable["preprocessor"] is None
    assert portable["preprocessor_conf"] == {}
