"""ESPnet's own recipes with enh_ssl.sh in place of enh.sh: one changed word."""

from __future__ import annotations

import json
import re

import pytest
from helpers import ROOT, TEMPLATE, run
from staged import PASS_ON, give_python, plan_fast

# Options of egs2/TEMPLATE/enh1/enh.sh with their defaults, and what the run.sh of
# egs2/*/enh1 give them (espnet of 2025; dns_ins21 and wsj0_reverb were not at hand).
STOCK = json.loads((ROOT / "tests/plan/espnet_enh1.json").read_text())


@pytest.fixture
def recipe(tmp_path):
    assert run([TEMPLATE / "setup.sh", "egs2/x/enh_ssl1"], tmp_path).returncode == 0
    recipe = tmp_path / "egs2/x/enh_ssl1"
    give_python(recipe, "plan_python", PASS_ON)
    return recipe


def dry_run(recipe, options):
    config = recipe / options["enh_config"]
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text("max_epoch: 1\n")
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return plan_fast(recipe, ["./enh_ssl.sh", *words, "--dry_run", "true"])


@pytest.mark.parametrize("name", STOCK["recipes"])
def test_a_recipe_of_espnet_needs_one_changed_word(recipe, name):
    options = STOCK["recipes"][name]
    done = dry_run(recipe, options)
    assert done.returncode == 0, done.stderr
    assert re.search("Stage 15(: left out .--ref_num| done)", done.stdout)
    (training,) = [x for x in done.stdout.splitlines() if "espnet2.bin.launch" in x]
    for number in range(int(options.get("ref_num") or options.get("spk_num") or 1)):
        assert f"spk{number + 1}.scp\\,speech_ref{number + 1}\\," in training
    for kind in ("noise", "dereverb"):
        wanted = options.get(f"use_{kind}_ref") == "true"
        assert (f"{kind}1.scp\\,{kind}_ref1\\," in training) is wanted


def test_every_option_of_enh_sh_is_accepted_with_its_default(recipe):
    given = {"train_set": "a", "valid_set": "b", "test_sets": "c"}
    options = {**STOCK["options"], **given, "enh_config": "conf/x.yaml"}
    options |= {"stage": "1", "python": str(recipe / "plan_python")}
    options |= {"scoring_protocol": "STOI SDR SI_SNR", "ref_num": "1"}
    done = dry_run(recipe, options)
    assert done.returncode == 0, done.stderr
    assert "--metrics STOI\\ SDR\\ SI_SNR" in done.stdout


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("feats_type", "fbank", "expected raw"),
        ("is_tse_task", "true", "ESPnet's own scripts"),
        ("variable_num_refs", "true", "ESPnet's own scripts"),
        ("extra_wav_list", "rirs.scp", "in the YAML"),
        ("score_with_asr", "true", "--asr_exp"),
        ("lm_exp", "exp/lm", "language models"),
        ("inf_num", "3", "--ref_num"),
        ("download_model", "x/y", "--enh_exp"),
    ],
)
def test_what_enh_ssl_sh_does_not_do_is_said_in_one_line(
    recipe, option, value, expected
):
    given = {"train_set": "a", "valid_set": "b", "test_sets": "c", option: value}
    done = dry_run(recipe, {**given, "enh_config": "conf/x.yaml"})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"--{option} '{value}'" in line
    assert expected in line


def test_where_a_default_differs_from_espnets_the_help_says_so(recipe):
    text = (TEMPLATE / "enh_ssl.sh").read_text().split("## end of options")[0]
    lines = {line.partition("=")[0]: line for line in text.splitlines() if "=" in line}
    for name, default in STOCK["options"].items():
        name = {"scoring_protocol": "scoring_metrics"}.get(name, name)
        if name in lines:
            ours = lines[name].partition("=")[2].partition(" #")[0].strip().strip('"')
            ours = "python3" if name == "python" else ours
            assert ours == default or "ESPnet" in lines[name], name
