"""The recipe for official corpora, every stage, on two of them in miniature."""

import argparse
import itertools
import json
import os
import re
import subprocess
import sys

import pytest
import yaml

from espnet2_ext.corpora.noise import NOISE_CORPORA
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.superb.corpora.registry import CORPORA
from tests.conftest import ROOT
from tests.superb.corpora import miniature

RECIPE = ROOT / "egs2/noisy_superb/superb1"
TASKS = ("ks", "er")
STEPS = {"total_steps": 4, "log_step": 2, "eval_step": 2, "save_step": 2}
# of db.sh; the machine's own must not reach the tests
VARIABLES = {
    *(corpus.variable for corpus in CORPORA.values()),
    *(noise.corpus.variable for noise in NOISE_CORPORA.values()),
    *("LIBRISPEECH_LEXICON", "IEMOCAP_SPLIT"),
}


def run(recipe, *words, **corpora):
    env = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    env |= {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    env |= {key: str(value) for key, value in corpora.items()}
    command = [recipe / "run.sh", "--superb_tasks", " ".join(TASKS), "--ngpu", "0"]
    return subprocess.run(
        [*command, "--noise_corpora", "musan demand", *map(str, words)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def make_recipe(directory):
    """Link the recipe: nothing of a user is touched."""
    directory.mkdir(exist_ok=True)
    for path in RECIPE.iterdir():
        if path.name not in ("data", "dump", "exp"):
            (directory / path.name).symlink_to(path)
    return directory


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    """{variable of db.sh: folder} of two speech and two noise corpora."""
    root = tmp_path_factory.mktemp("corpora")
    download = os.environ.get("DEBIAN_SPEECH") or tmp_path_factory.mktemp("debian")
    speech = itertools.cycle(miniature.real_speech(download))
    folders = {
        "SPEECH_COMMANDS_V1": "speech_commands",
        "IEMOCAP": "iemocap",
        "MUSAN": "musan",
        "DEMAND": "demand",
    }
    for name in folders.values():
        getattr(miniature, name)(root / name, speech)
    return {variable: root / name for variable, name in folders.items()}


@pytest.fixture(scope="module")
def prepared(corpora, tmp_path_factory):
    recipe = make_recipe(tmp_path_factory.mktemp("recipe"))
    done = run(recipe, "--stage", 1, "--stop_stage", 3, **corpora)
    assert done.returncode == 0, done.stdout[-3000:]
    return recipe


def lines(path):
    return path.read_text().splitlines()


def test_noisy_twin_covers_the_test_sets_of_all_tasks(prepared, corpora):
    data = prepared / "data/test_superb"
    clean, noisy = read_scp(data / "spk1.scp"), read_scp(data / "wav.scp")
    assert len(clean) == len(noisy) == 12 + 10  # keywords, and Session1's emotions
    assert set(read_scp(data / "utt2snr").values()) <= {"0", "5", "10"}
    kinds = {value.split()[0] for value in read_scp(data / "utt2noise").values()}
    assert {"musan_noise", "musan_music"} & kinds
    assert any(kind.startswith("demand_") for kind in kinds)
    listed = {
        line.split(",")[1]
        for task in TASKS
        for line in lines(prepared / f"data/superb/{task}/test.csv")[1:]
    }
    assert set(clean.values()) == listed
    assert set(read_scp(prepared / "dump/raw/test_superb/wav.scp")) == set(noisy)


def test_corpora_that_are_missing_are_all_named_in_one_run(prepared, tmp_path):
    recipe = make_recipe(tmp_path / "recipe")
    words = ("--superb_tasks", "asr ks sf", "--stage", 1, "--stop_stage", 1)
    done = run(recipe, *words, SNIPS=tmp_path / "nowhere")
    assert done.returncode == 1
    assert "LIBRISPEECH of db.sh is empty" in done.stdout
    assert "SPEECH_COMMANDS_V1 of db.sh is empty" in done.stdout
    assert f"{tmp_path}/nowhere: no such folder" in done.stdout
    assert "not prepared: asr ks sf" in done.stdout
    assert "Stage 1 done" not in done.stdout


def test_noise_corpora_that_are_missing_are_all_named(prepared):
    words = ("--noise_corpora", "wham dns", "--stage", 2, "--stop_stage", 2)
    done = run(prepared, *words)
    assert done.returncode != 0
    assert "WHAM of db.sh is empty" in done.stdout
    assert "DNS of db.sh is empty" in done.stdout
    assert len(read_scp(prepared / "data/test_superb/wav.scp")) == 22  # as it was


def test_dry_run_names_what_every_stage_calls_and_writes_nothing(tmp_path):
    recipe = make_recipe(tmp_path / "recipe")
    exps = [tmp_path / "a/sys1", tmp_path / "b/sys2"]
    for exp in exps:
        exp.mkdir(parents=True)
        for name in ("config.yaml", "valid.loss.best.pth"):
            (exp / name).touch()
    before = sorted(recipe.iterdir())
    done = run(recipe, "--dry_run", "true", "--enh_exps", " ".join(map(str, exps)))
    assert done.returncode == 0, done.stdout[-2000:]
    for name in (
        *("check_install.py", "local/data.sh", "local/noise.sh", "make_noisy_set"),
        *("format_data", "enh_inference", "bin.score", "bin.superb train"),
        *("bin.superb evaluate", "bin.report"),
    ):
        assert name in done.stdout, name
    for condition in ("clean=", "noisy=", "sys1=exp/sys1/", "sys2=exp/sys2/"):
        assert condition in done.stdout
    assert sorted(recipe.iterdir()) == before


def test_two_systems_of_one_name_and_archives_are_refused(tmp_path):
    recipe = make_recipe(tmp_path / "recipe")
    done = run(recipe, "--dry_run", "true", "--enh_exps", "a/same b/same")
    assert done.returncode == 2
    assert "found two systems named same (a/same b/same)" in done.stdout
    done = run(recipe, "--audio_format", "flac.ark")
    assert done.returncode == 2
    assert "flac.ark" in done.stdout


def test_system_without_the_model_is_named(prepared, tmp_path):
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/config.yaml").write_text("x: 1\n")
    (tmp_path / "sys/3epoch.pth").write_text("")
    words = ("--enh_exps", tmp_path / "sys", "--stage", 7, "--stop_stage", 7)
    done = run(prepared, *words)
    assert done.returncode == 2
    assert "valid.loss.best.pth; expected a trained system" in done.stdout
    assert "there are: 3epoch.pth" in done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two systems of another recipe: real ESPnet models, untrained."""
    import torch

    from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
    from tests.tasks.conftest import SMALL, SNR

    root = tmp_path_factory.mktemp("elsewhere")
    config = {**SMALL, "criterions": [SNR]}
    args = {**SSLEnhancementTask.get_default_config(), **config}
    plain = (str, int, float, list, dict, type(None))
    for seed in (0, 1):
        torch.manual_seed(seed)
        model = SSLEnhancementTask.build_model(argparse.Namespace(**args))
        exp = root / f"enh_seed{seed}"
        exp.mkdir()
        torch.save(model.state_dict(), exp / "valid.loss.best.pth")
        kept = {key: value for key, value in args.items() if isinstance(value, plain)}
        (exp / "config.yaml").write_text(yaml.safe_dump(kept))
    return root


def judge(prepared, trained, seeds, *words):
    conf = prepared / "few_steps"
    conf.mkdir(exist_ok=True)
    for task in TASKS:
        (conf / f"{task}.yaml").write_text(yaml.safe_dump({"train": STEPS}))
    exps = " ".join(str(trained / f"enh_seed{seed}") for seed in seeds)
    return run(
        prepared,
        *("--enh_exps", exps, "--superb_upstreams", "fbank", "--superb_conf", conf),
        *("--scoring_metrics", "SI_SNR", "--stage", 7, *words),
    )


@pytest.mark.slow
def test_systems_trained_elsewhere_are_judged_and_left_alone(prepared, trained):
    before = sorted(trained.rglob("*"))
    done = judge(prepared, trained, (0,))
    assert done.returncode == 0, done.stdout[-4000:]
    assert sorted(trained.rglob("*")) == before
    for stage in (7, 8, 13, 14, 15):
        assert f"Stage {stage} done" in done.stdout
    cells = {
        (cell["task"], cell["system"], cell["items"])
        for cell in map(json.loads, lines(prepared / "exp/results.jsonl"))
        if "task" in cell
    }
    systems = ("clean", "noisy", "enh_seed0")
    assert cells == {(t, s, n) for t, n in (("ks", 12), ("er", 10)) for s in systems}
    heads = sorted(prepared.glob("exp/superb/fbank/*/train/**/*.pt"))
    stamps = [head.stat().st_mtime_ns for head in heads]

    # one more system costs its evaluation: no probe is trained again
    done = judge(prepared, trained, (0, 1))
    assert done.returncode == 0, done.stdout[-4000:]
    assert [head.stat().st_mtime_ns for head in heads] == stamps
    assert "trained before" in (prepared / "exp/superb/fbank/train.log").read_text()
    log = (prepared / "exp/superb/fbank/evaluate.log").read_text()
    assert len(re.findall(r"enh_seed0: .*evaluated before", log)) == 2
    assert len(re.findall(r"enh_seed1: .*\(in \d+ s\)", log)) == 2
    for task, count in (("ks", 12), ("er", 10)):
        folder = prepared / f"exp/superb/fbank/{task}/evaluate"
        names = {"clean", "noisy", "enh_seed0", "enh_seed1"}
        assert {path.name for path in folder.iterdir()} == names
        for name in names:
            items = lines(folder / name / "predictions.jsonl")
            assert len(items) == count
            right = sum(json.loads(item)["correct"] for item in items)
            value = json.loads((folder / name / "result.json").read_text())["value"]
            assert value == pytest.approx(100 * right / count)
