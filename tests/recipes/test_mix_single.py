"""The recipes for WHAM! and Libri2Mix on corpora in miniature: data to scores."""

import itertools
import os
import subprocess
import sys

import pytest

from espnet2_ext.fileio.scp import read_scp
from tests.conftest import ROOT
from tests.superb.corpora import miniature

CORPORA = {"wham": ("WHAM_MIX", "wham_mix"), "libri2mix": ("LIBRI2MIX", "libri2mix")}


def run(recipe, *words, **environment):
    names = {variable for variable, _ in CORPORA.values()} | {"LIBRISPEECH"}
    env = {k: v for k, v in os.environ.items() if k not in names}
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
def speech(tmp_path_factory):
    download = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("debian")
    return miniature.real_speech(download)


@pytest.fixture(params=sorted(CORPORA))
def recipe(request, tmp_path):
    """A recipe directory of its own, made of links: nothing of a user is touched."""
    directory = tmp_path / request.param
    directory.mkdir()
    for path in (ROOT / "egs2" / request.param / "enh_ssl1").iterdir():
        if path.name not in ("data", "dump", "exp"):
            (directory / path.name).symlink_to(path)
    return directory


def test_data_are_prepared_formatted_and_scored(recipe, tmp_path, speech):
    variable, name = CORPORA[recipe.name]
    endless = itertools.cycle(speech)
    getattr(miniature, name)(tmp_path / "corpus", endless)
    folders = {variable: tmp_path / "corpus"}
    if recipe.name == "libri2mix":
        miniature.librispeech(tmp_path / "librispeech", endless)
        folders["LIBRISPEECH"] = tmp_path / "librispeech"
    small = "--max_epoch 1 --num_iters_per_epoch 1 --batch_size 1 --num_workers 0"
    small += " --iterator_type sequence --batch_type unsorted"
    small += " --separator_conf hidden_dim=8 --separator_conf layer=1"
    done = run(
        recipe,
        *("--stage", 1, "--stop_stage", 8, "--observation_adding", ""),
        *("--local_data_opts", "--allow_partial true"),
        *("--enh_config", "conf/tuning/train_enh_convtasnet_snr.yaml"),
        *("--enh_label", "SE-SNR", "--enh_tag", "snr", "--enh_args", small),
        *("--scoring_metrics", "SI_SNR", "--recognisers", "", "--ssl_conf", ""),
        **folders,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    mixtures = read_scp(recipe / "dump/raw/test/wav.scp")
    scored = recipe / "exp/enh_snr/enhanced_test/scoring/scores.jsonl"
    assert len(scored.read_text().splitlines()) == len(mixtures) > 0
    assert (recipe / "data/test/text").exists() == (recipe.name == "libri2mix")


def test_corpus_that_is_not_there_is_named(recipe):
    refused = run(recipe, "--stage", 1, "--stop_stage", 1)
    assert refused.returncode != 0
    assert f"{CORPORA[recipe.name][0]} of db.sh is empty" in refused.stdout


@pytest.mark.parametrize("separator", ["convtasnet", "bsrnn"])
def test_every_stage_is_planned_for_each_network(recipe, separator):
    planned = run(recipe, "--dry_run", "true", "--stage", 1, "--separator", separator)
    assert planned.returncode == 0, planned.stdout[-2000:]
    assert planned.stdout.count("enh_ssl_train") >= 3
