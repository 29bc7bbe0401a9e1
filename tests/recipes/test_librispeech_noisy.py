"""The recipe for noisy LibriSpeech on corpora in miniature: data to the report."""

import itertools
import os
import re
import subprocess
import sys

import pytest
import yaml

from espnet2_ext.fileio.scp import read_scp
from tests.conftest import ROOT
from tests.superb.corpora import miniature

RECIPE = ROOT / "egs2/librispeech_noisy/enh_ssl1"
NAMES = {"LIBRISPEECH": "librispeech", "MUSAN": "musan", "DEMAND": "demand"}
VARIABLES = {*NAMES, "WHAM", "DNS", "RIRS_NOISES"}


def run(recipe, *words, **environment):
    env = {k: v for k, v in os.environ.items() if k not in VARIABLES}
    env |= {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    env |= {k: str(v) for k, v in environment.items()}
    return subprocess.run(
        [recipe / "run.sh", "--ngpu", "0", *map(str, words)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """{variable of db.sh: folder}."""
    root = tmp_path_factory.mktemp("corpora")
    download = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("debian")
    speech = itertools.cycle(miniature.real_speech(download))
    for name in NAMES.values():
        getattr(miniature, name)(root / name, speech)
    return {variable: root / name for variable, name in NAMES.items()}


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path_factory.mktemp("librispeech_noisy")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp", "downloads"):
            (directory / path.name).symlink_to(path)
    return directory


SETS = "--train_noise musan --test_noise demand --allow_partial true"


@pytest.fixture(scope="module")
def done(recipe, corpora):
    """All stages but downloads, with one step of training for each system."""
    small = "--max_epoch 1 --num_iters_per_epoch 1 --batch_size 1 --num_workers 0"
    small += " --iterator_type sequence --batch_type unsorted"
    small += " --separator_conf hidden_dim=8 --separator_conf layer=1"
    return run(
        recipe,
        *("--stage", 1, "--upstream", "fbank", "--train_noise", "musan"),
        *("--local_data_opts", f"{SETS} --nj 1", "--enh_tag", "snr fbank ssl"),
        *("--enh_args", small, "--scoring_metrics", "SI_SNR PESQ_WB"),
        *("--recognisers", "", "--ssl_conf", ""),
        **corpora,
    )


def test_training_mixes_on_the_fly_and_the_report_has_both_tests(done, recipe):
    assert done.returncode == 0, done.stdout[-3000:]
    config = yaml.safe_load((recipe / "exp/enh_snr/config.yaml").read_text())
    assert config["preprocessor"] == "on_the_fly"
    report = (recipe / "exp/RESULTS.md").read_text()
    for name in ("test_seen", "test_unseen"):
        assert name in report
        for row in ("snr", "ssl_oa0.1"):
            folder = recipe / f"exp/enh_{row}/enhanced_{name}"
            assert len(read_scp(folder / "spk1.scp")) == 2
    portable = recipe / "exp/enh_snr/portable/config.yaml"
    assert yaml.safe_load(portable.read_text())["preprocessor"] is None


def test_options_of_run_sh_reach_the_data_and_the_training(recipe):
    planned = run(
        recipe,
        *("--dry_run", "true", "--stage", 1, "--stop_stage", 6),
        *("--separator", "bsrnn", "--rooms", "true"),
        *("--train_parts", "train-clean-100 train-clean-360"),
    )
    assert planned.returncode == 0, planned.stdout[-2000:]
    shown = planned.stdout.replace("\\", "")  # a comma is quoted there
    data = re.search(r"local/data\.sh .*", shown)[0]
    assert "--train_parts train-clean-100,train-clean-360" in data
    assert "--train_noise wham,musan --rooms true --test_noise demand" in data
    training = re.search(r"enh_ssl_train .*", shown)[0]
    assert "rir_prob=0.5" in training
    assert "rir_scp=data/noise_train/rirs.scp" in training
    assert "bsrnn_mr_l1" in training


@pytest.mark.parametrize(
    ("leave_out", "message"),
    [
        ("LIBRISPEECH", "LIBRISPEECH of db.sh is empty"),
        ("MUSAN", "MUSAN of db.sh is empty"),
        ("DEMAND", "DEMAND of db.sh is empty"),
    ],
)
def test_corpus_that_is_not_there_is_named(recipe, corpora, leave_out, message):
    given = {k: v for k, v in corpora.items() if k != leave_out}
    words = ("--stage", 1, "--stop_stage", 1, "--local_data_opts", SETS)
    refused = run(recipe, *words, **given)
    assert refused.returncode != 0
    assert message in refused.stdout
