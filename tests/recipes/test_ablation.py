"""The shipped settings can be trained; local/ablate.sh trains and scores those."""

import os
import subprocess
import sys

import pytest
import yaml

from espnet2_ext.ablation.settings import check, read_ablation
from espnet2_ext.fileio.yaml import read_yaml
from tests.conftest import ROOT
from tests.shell.helpers import make_data_dir
from tests.tasks.conftest import SMALL, SNR

RECIPE = ROOT / "egs2/debian_speech/enh_ssl1"
# Stands in for run.sh: notes its words, and "scores" what it was to train.
FAKE_RUN = """#!/usr/bin/env bash
printf '%s\\n' "$@" > words
while [ $# -gt 0 ]; do
    case "$1" in --enh_exp) exps=$2 ;; --seeds) seeds=$2 ;; esac
    shift
done
line='{"utt": "u", "SI_SNR": 1.5}'
mkdir -p dump/raw/valid/scoring
echo "${line}" > dump/raw/valid/scoring/scores.jsonl
for exp in ${exps}; do
    for seed in ${seeds}; do
        mkdir -p "${exp}_seed${seed}/enhanced_valid/scoring"
        cp "exp/ablation/conf/${exp##*/}.yaml" "${exp}_seed${seed}/config.yaml"
        echo "${line}" > "${exp}_seed${seed}/enhanced_valid/scoring/scores.jsonl"
    done
done
"""


def ablate(recipe, *words):
    env = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [recipe / "local/ablate.sh", *words],
        env=env,
        cwd=recipe.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture
def recipe(tmp_path):
    """The recipe, with a run.sh that trains nothing."""
    directory = tmp_path / "recipe"
    (directory / "local").mkdir(parents=True)
    for name in ("conf", "local/ablate.sh", "path.sh", "utils", "steps"):
        (directory / name).symlink_to(RECIPE / name)
    (directory / "run.sh").write_text(FAKE_RUN)
    (directory / "run.sh").chmod(0o755)
    return directory


def option_values(recipe):
    """Give {option: value} of the run.sh that was called; the last one counts."""
    words = (recipe / "words").read_text().splitlines()
    return dict(zip(words[::2], words[1::2], strict=True))


def test_every_shipped_setting_can_be_trained(monkeypatch):
    monkeypatch.chdir(RECIPE)
    ablation = read_ablation(RECIPE / "conf/ablation.yaml")
    assert {setting.group for setting in ablation.settings} == {
        *("reference", "alpha", "frontier", "signal", "balance", "layers"),
        *("distance", "normalize", "position", "upstream", "combination"),
    }
    check(ablation.settings)


def test_reference_settings_are_the_systems_of_the_recipe(monkeypatch):
    monkeypatch.chdir(RECIPE)
    settings = read_ablation(RECIPE / "conf/ablation.yaml").settings
    configs = {setting.label: setting.config for setting in settings}
    tuning = RECIPE / "conf/tuning"
    assert configs["snr"] == read_yaml(tuning / "train_enh_tcn_snr.yaml")
    assert configs["ssl"] == read_yaml(tuning / "train_enh_tcn_snr_whisper.yaml")


def test_settings_are_trained_and_scored_on_the_validation_set(recipe):
    words = ("--only", "alpha", "--seeds", "0 1", "--nj", "3", "--stage", "6")
    done = ablate(recipe, *words)
    assert done.returncode == 0, done.stdout[-3000:]
    given = option_values(recipe)
    assert given["--test_sets"] == "valid"
    assert given["--recognisers"] == ""
    assert (given["--nj"], given["--seeds"]) == ("3", "0 1")
    assert (given["--stage"], given["--stop_stage"]) == ("6", "8")
    labels = given["--enh_label"].split()
    assert labels == ["snr", "alpha10", "alpha100", "ratio60"]
    assert given["--enh_exp"].split() == [f"exp/ablation/{x}" for x in labels]
    for path in given["--enh_config"].split():
        assert "criterions" in yaml.safe_load((recipe / path).read_text())
    text = (recipe / "exp/ablation/RESULTS.md").read_text()
    assert "| alpha100 |" in text
    assert "every seed: ssl, early10, early25, early55, early120, " in text


@pytest.mark.parametrize(
    "option", ["--test_sets", "--test-sets", "--enh_config", "--ssl_conf"]
)
def test_what_the_settings_decide_cannot_be_given(recipe, option):
    done = ablate(recipe, "--nj", "2", option, "test_en")
    assert done.returncode == 1
    assert f"found {option}; expected none" in done.stdout
    assert not (recipe / "words").exists()


def test_nothing_is_trained_where_a_setting_is_wrong(recipe):
    done = ablate(recipe, "--only", "alpa")
    assert done.returncode == 2
    assert "Did you mean 'alpha'" in done.stdout
    assert not (recipe / "words").exists()


def test_help_lists_the_options(recipe):
    done = ablate(recipe, "--help")
    assert done.returncode == 0
    for option in ("--ablation", "--only", "--seeds", "--expdir"):
        assert f"  {option} " in done.stdout


@pytest.fixture
def tiny(recipe, checkpoints):
    """The recipe with its own run.sh, a little data, and two settings."""
    (recipe / "run.sh").unlink()
    for name in ("run.sh", "enh_ssl.sh", "cmd.sh"):
        (recipe / name).symlink_to(RECIPE / name)
    for name in ("train", "valid"):
        make_data_dir(recipe, name, 4)
    path = str(checkpoints["wavlm_local"])
    ssl = {"name": "ssl", "conf": {"upstream": "wavlm_local", "path_or_url": path}}
    ssl |= {"wrapper": "fixed_order_with_lengths", "wrapper_conf": {"weight": 10.0}}
    settings = {"reference": {"snr": []}, "layers": {"last": {"layers": "last"}}}
    ablation = {"base": "base.yaml", "ssl": "ssl.yaml", "score": ["ssl.yaml"]}
    for name, content in {
        "base": {**SMALL, "criterions": [SNR]},
        "ssl": ssl,
        "ablation": {**ablation, "compare": ["snr"], "settings": settings},
    }.items():
        (recipe / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return recipe


@pytest.mark.slow
def test_from_data_to_table_and_what_is_done_is_not_done_again(tiny):
    words = ("--ablation", "ablation.yaml", "--ngpu", "0", "--nj", "1")
    words += ("--scoring_metrics", "SI_SNR")
    done = ablate(tiny, *words, "--stage", "3")
    assert done.returncode == 0, done.stdout[-3000:]
    assert done.stdout.count("train.log") == 2
    results = (tiny / "exp/ablation/RESULTS.md").read_text()
    assert "left out" not in results
    assert "| last    | layers    |" in results
    again = ablate(tiny, *words)
    assert again.returncode == 0, again.stdout[-3000:]
    assert "log:" not in again.stdout
    assert again.stdout.count("skipped") == 1 + 2 + 2 + 4  # stages 5 to 8
