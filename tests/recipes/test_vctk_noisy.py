"""The recipe for VoiceBank-DEMAND on the corpus in miniature: data to scores."""

import itertools
import os
import subprocess
import sys

import pytest
import yaml

from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.scp import read_scp
from tests.conftest import ROOT
from tests.superb.corpora import miniature

RECIPE = ROOT / "egs2/vctk_noisy/enh_ssl1"


def run(recipe, *words, **environment):
    env = {k: v for k, v in os.environ.items() if k != "VOICEBANK_DEMAND"}
    env |= {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        [recipe / "run.sh", "--ngpu", "0", *map(str, words)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    download = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("debian")
    folder = tmp_path_factory.mktemp("corpora") / "DS_10283_2791"
    speech = itertools.cycle(miniature.real_speech(download))
    miniature.voicebank_demand(folder, speech)
    return folder


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path_factory.mktemp("vctk_noisy")
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp"):
            (directory / path.name).symlink_to(path)
    return directory


@pytest.fixture(scope="module")
def done(recipe, root):
    """Stages 1 to 8 with one step of training for each system."""
    small = "--max_epoch 1 --num_iters_per_epoch 1 --batch_size 1 --num_workers 0"
    small += " --iterator_type sequence --batch_type unsorted"
    small += " --separator_conf hidden_dim=8 --separator_conf layer=1"
    return run(
        recipe,
        *("--stage", 1, "--stop_stage", 8, "--upstream", "fbank"),
        *("--local_data_opts", "--allow_partial true"),
        *("--enh_tag", "snr fbank ssl", "--enh_args", small),
        *("--scoring_metrics", "SI_SNR PESQ_WB STOI", "--recognisers", ""),
        *("--ssl_conf", ""),
        VOICEBANK_DEMAND=str(root),
    )


def test_data_are_formatted_at_16_khz_and_every_row_is_scored(done, recipe):
    assert done.returncode == 0, done.stdout[-3000:]
    mixtures = read_scp(recipe / "dump/raw/test/wav.scp")
    assert list(mixtures) == ["p232_001", "p257_006"]
    wav, rate = read_audio(str(recipe / mixtures["p232_001"]))
    assert rate == 16000
    for row in ("snr", "snr_oa0.1", "fbank", "ssl_oa0.1"):
        folder = recipe / f"exp/enh_{row}/enhanced_test"
        enhanced = read_scp(folder / "spk1.scp")
        assert len(read_audio(str(recipe / enhanced["p232_001"]))[0]) == len(wav)
        assert (folder / "scoring/scores.jsonl").stat().st_size > 0
    assert (recipe / "dump/raw/test/text").read_text().startswith("p232_001 PLEASE")


def test_systems_differ_in_their_losses_alone(done, recipe):
    assert done.returncode == 0, done.stdout[-3000:]
    plain, control = (
        yaml.safe_load((recipe / f"exp/enh_{name}/config.yaml").read_text())
        for name in ("snr", "fbank")
    )
    differ = {k for k in plain if plain[k] != control[k]}
    assert "criterions" in differ
    assert differ <= {"criterions", "config", "output_dir"}


@pytest.mark.parametrize("separator", ["convtasnet", "bsrnn"])
def test_every_stage_is_planned_for_each_network(recipe, separator):
    planned = run(recipe, "--dry_run", "true", "--stage", 1, "--separator", separator)
    assert planned.returncode == 0, planned.stdout[-2000:]
    assert planned.stdout.count("enh_ssl_train") >= 3


def test_corpus_that_is_not_there_is_named_with_what_belongs_there(recipe, tmp_path):
    refused = run(recipe, "--stage", 1, "--stop_stage", 1)
    assert refused.returncode != 0
    assert "VOICEBANK_DEMAND of db.sh is empty" in refused.stdout
    assert "10.7488/ds/2117" in refused.stdout
