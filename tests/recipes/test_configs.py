"""Every shipped YAML is built; every recipe stands in the table."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.fragment import add_loss
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.conftest import ROOT
from tests.tiny_checkpoints import write_init_param

FRAGMENTS = sorted((ROOT / "conf/ssl").glob("*.yaml"))
TRAINING = sorted(ROOT.glob("egs2/*/enh_ssl1/conf/tuning/train_*.yaml"))
COMPARED = [path for path in TRAINING if "_snr_" in path.stem]
RECIPES = sorted(p.parent for p in ROOT.glob("egs2/*/*/run.sh"))
LOCAL = {  # the family of a registered upstream
    "wavlm_base_plus": "wavlm_local",
    "wavlm_large": "wavlm_local:large",
    "hubert_base": "hubert_local",
    "wav2vec2_base_960": "wav2vec2_local",
    "data2vec": "data2vec_local",
}
SHORT = {
    "whisper": "whisper_tiny_en",
    "whisper_early": "whisper_tiny_en_early",
    "hubert": "hubert_debian_small",
    "fbank": "fbank",
}


def name(path):
    return path.stem


@pytest.mark.parametrize("path", FRAGMENTS, ids=name)
def test_fragment_is_a_criterion_that_espnet_accepts(path):
    fragment = read_yaml(path)
    check_criterions([fragment])
    assert fragment["conf"]["upstream"] == path.stem.removesuffix("_early")


@pytest.mark.parametrize("upstream", sorted(LOCAL))
def test_fragment_works_on_a_checkpoint_of_its_family(
    upstream, checkpoints, speech_like
):
    conf = read_yaml(ROOT / f"conf/ssl/{upstream}.yaml")["conf"]
    family = LOCAL[upstream]
    conf["upstream"] = family.split(":")[0]
    criterion = SSLLoss(**conf, path_or_url=str(checkpoints[family]))
    inf = (speech_like * 0.9 + 0.01).requires_grad_()
    loss = criterion(speech_like, inf)
    loss.sum().backward()
    assert (loss > 0).all()
    assert inf.grad.abs().max() > 0


@pytest.mark.parametrize("path", TRAINING, ids=name)
def test_training_configuration_is_accepted_whole_and_builds(
    path, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write_init_param(read_yaml(path), tmp_path)
    losses = [criterion["conf"] for criterion in read_yaml(path)["criterions"]]
    if LOCAL.keys() & {conf.get("upstream") for conf in losses}:  # s3prl downloads it
        monkeypatch.setattr(SSLLoss, "load", lambda self: None)
    dry = ["--config", str(path), "--output_dir", str(tmp_path), "--dry_run", "true"]
    dry += ["--iterator_type", "none", "--ngpu", "0"]
    SSLEnhancementTask.main(cmd=dry)
    built = yaml.safe_load((tmp_path / "config.yaml").read_text())
    written = read_yaml(path)
    for key, value in written.items():
        if key not in ("iterator_type", "optim_conf", "scheduler_conf"):
            conf = built[key]
            if isinstance(value, dict):
                conf = {k: conf[k] for k in value}
            assert conf == value, key


@pytest.mark.parametrize("path", COMPARED, ids=name)
def test_configurations_that_are_compared_differ_in_the_loss_alone(path):
    network, _, upstream = path.stem.partition("_snr")
    written = read_yaml(path.with_name(f"{network}_snr.yaml"))
    names = ("whisper_early", "hubert") if upstream == "_both" else (upstream[1:],)
    for number, short in enumerate(names):
        fragment = read_yaml(ROOT / f"conf/ssl/{SHORT.get(short, short)}.yaml")
        if number:  # a key of its own in the log
            fragment["conf"]["name"] = f"{short}_loss"
        written = add_loss(written, fragment)
    assert read_yaml(path) == written


@pytest.mark.parametrize("network", ["tcn", "tcn_large"])
def test_second_stage_goes_on_with_the_network_of_the_first(network):
    tuning = ROOT / "egs2/debian_speech/enh_ssl1/conf/tuning"
    first, second = (
        read_yaml(tuning / f"train_enh_{network}_{stage}_snr.yaml")
        for stage in ("long", "warm")
    )
    for part in ("encoder", "separator", "decoder"):
        assert first[part] == second[part]
        assert first[f"{part}_conf"] == second[f"{part}_conf"]


def test_recipes_in_the_table_are_those_that_exist():
    table = (ROOT / "egs2/README.md").read_text()
    named = set(re.findall(r"\]\((\w+/\w+)\)", table))
    existing = {f"{r.parent.name}/{r.name}" for r in RECIPES}
    assert existing
    assert existing == named


@pytest.mark.parametrize(
    "content", ["[1, 2]", "a: [", ""], ids=["list", "broken", "empty"]
)
def test_configuration_that_is_no_mapping_is_one_clear_error(tmp_path, content):
    path = tmp_path / "x.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match=r"x\.yaml(:\d)?: "):
        read_yaml(path)


def test_conv_tasnet_has_the_size_of_the_literature():
    config = read_yaml(
        ROOT / "egs2/debian_speech/enh_ssl1/conf/tuning/train_enh_convtasnet_snr.yaml"
    )
    import argparse

    defaults = SSLEnhancementTask.get_default_config()
    model = SSLEnhancementTask.build_model(argparse.Namespace(**{**defaults, **config}))
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert 3.3 < millions < 3.6  # 3.45 M, as espnet's librimix recipe


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_recipe_that_is_terminated_leaves_nothing_running(recipe, tmp_path):
    for path in recipe.iterdir():
        if path.name not in ("local", "data", "dump", "exp", "downloads"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "local").mkdir()
    data = tmp_path / "local/data.sh"
    data.write_text("#!/bin/sh\necho $$ > pid.tmp && mv pid.tmp pid\nexec sleep 60\n")
    data.chmod(0o755)
    env = {**os.environ, "PYTHON": sys.executable}
    words = ["--stage", "1", "--stop_stage", "1", "--ngpu", "0"]
    with subprocess.Popen(
        [tmp_path / "run.sh", *words],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as run:
        wait_until((tmp_path / "pid").exists)
        run.terminate()
        sleeping = int((tmp_path / "pid").read_text())
        wait_until(lambda: not Path(f"/proc/{sleeping}").exists())
    assert run.returncode != 0


def wait_until(true, seconds=30):
    for _ in range(10 * seconds):
        if true():
            return
        time.sleep(0.1)
    pytest.fail(f"waited {seconds} s in vain")
