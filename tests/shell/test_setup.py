"""setup.sh makes a recipe directory that explains itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers import ROOT, TEMPLATE, run


def make(directory: Path) -> Path:
    done = run([TEMPLATE / "setup.sh", "egs2/new/enh_ssl1"], directory)
    assert done.returncode == 0, done.stderr
    return directory / "egs2/new/enh_ssl1"


def test_new_recipe_has_links_that_resolve_and_own_copies(tmp_path):
    recipe = make(tmp_path)
    for name in ("enh_ssl.sh", "path.sh", "utils/run.pl", "steps/begin.sh", "conf/ssl"):
        assert (recipe / name).exists(), name
    assert (recipe / "enh_ssl.sh").is_symlink()
    assert not (recipe / "enh_ssl.sh").readlink().is_absolute()
    for name in ("cmd.sh", "conf/slurm.conf", "conf/queue.conf", "conf/pbs.conf"):
        assert not (recipe / name).is_symlink(), name


def test_new_recipe_shows_its_help_from_anywhere(tmp_path):
    recipe = make(tmp_path)
    done = run([recipe / "run.sh", "--help"], tmp_path)
    assert done.returncode == 0
    assert "--stop_stage" in done.stdout


def test_unfilled_data_preparation_stops_with_its_path(tmp_path):
    recipe = make(tmp_path)
    (recipe / "conf/tuning/train.yaml").write_text("max_epoch: 1\n")
    done = run(["./run.sh", "--stage", "1", "--ngpu", "0"], recipe)
    assert done.returncode == 1
    assert f"fill in {recipe}/local/data.sh" in done.stderr
    assert "Stage 1 done" not in done.stdout


def test_existing_recipe_is_not_overwritten(tmp_path):
    recipe = make(tmp_path)
    (recipe / "run.sh").write_text("mine\n")
    done = run([TEMPLATE / "setup.sh", "egs2/new/enh_ssl1"], tmp_path)
    assert done.returncode == 1
    assert (recipe / "run.sh").read_text() == "mine\n"


def test_embedded_recipe_uses_the_same_links():
    recipe = ROOT / "egs2/debian_speech/enh_ssl1"
    for name in ("enh_ssl.sh", "path.sh", "utils", "steps"):
        assert (recipe / name).resolve() == TEMPLATE / name
    lines = (recipe / "run.sh").read_text().splitlines()
    assert len(lines) <= 45


def test_embedded_recipe_shows_its_help_and_refuses_an_unknown_budget(tmp_path):
    script = ROOT / "egs2/debian_speech/enh_ssl1/run.sh"
    done = run([script, "--help"], tmp_path, PYTHON="/nonexistent")
    assert done.returncode == 0
    for option in ("--budget", "--separator", "--upstream", "--enh_config"):
        assert f"  {option} " in done.stdout
    done = run([script, "--budget", "huge"], tmp_path)
    assert done.returncode == 1
    assert "expected demo or full" in done.stderr


def test_unknown_backend_is_named(tmp_path):
    recipe = make(tmp_path)
    (recipe / "conf/tuning/train.yaml").write_text("max_epoch: 1\n")
    done = run(["./run.sh", "--dry_run", "true"], recipe, cmd_backend="torque")
    assert done.returncode == 1
    assert "cmd_backend=torque" in done.stderr
    done = run(["./run.sh", "--dry_run", "true"], recipe, cmd_backend="pbs")
    assert done.returncode == 1
    assert "needs pbs.pl; give its directory as cmd_dir" in done.stderr


def test_new_superb_recipe_has_its_own_template(tmp_path):
    done = run([TEMPLATE / "setup.sh", "egs2/new/superb1"], tmp_path)
    assert done.returncode == 0, done.stderr
    recipe = tmp_path / "egs2/new/superb1"
    for name in ("superb.sh", "path.sh", "utils/run.pl", "conf/superb", "conf/ssl"):
        assert (recipe / name).exists(), name
    assert not (recipe / "enh_ssl.sh").exists()
    assert not (recipe / "cmd.sh").is_symlink()
    words = ("--superb_tasks", "ks", "--stage", "1", "--stop_stage", "1")
    done = run([recipe / "run.sh", *words], tmp_path)
    assert done.returncode == 1
    assert f"fill in {recipe}/local/data.sh" in done.stderr


def test_superb_template_uses_the_same_links_and_options():
    recipe = ROOT / "egs2/noisy_superb/superb1"
    for name in ("path.sh", "db.sh", "cmd.sh", "utils", "steps"):
        assert (recipe / name).resolve() == TEMPLATE / name
    assert len((recipe / "run.sh").read_text().splitlines()) <= 45
    helps = [
        run([script, "--help"], ROOT, PYTHON="/nonexistent").stdout.splitlines()
        for script in (recipe / "superb.sh", TEMPLATE / "enh_ssl.sh")
    ]
    superb, enh = ({x.split()[0] for x in text if x[:4] == "  --"} for text in helps)
    assert superb - enh == {
        *("--enh_exps", "--noise_corpora", "--snr", "--noise_seed"),
    }


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "2000,"),
        ({"GOMP_SPINCOUNT": "5"}, "5,"),
        ({"OMP_WAIT_POLICY": "active"}, ",active"),
    ],
)
def test_waiting_threads_sleep_soon_unless_the_user_says_otherwise(given, expected):
    kept = {k: v for k, v in os.environ.items() if "GOMP" not in k and "WAIT" not in k}
    done = subprocess.run(
        ["bash", "-c", '. ./path.sh; echo "${GOMP_SPINCOUNT:-},${OMP_WAIT_POLICY:-}"'],
        cwd=ROOT / "egs2/debian_speech/enh_ssl1",
        env={**kept, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected


def test_an_active_environment_that_is_not_taken_is_named(tmp_path):
    checkout = tmp_path / "checkout"
    template = checkout / "egs2/TEMPLATE/enh_ssl1"
    template.mkdir(parents=True)
    (template / "path.sh").write_text((TEMPLATE / "path.sh").read_text())
    activate = checkout / "tools/venv/bin/activate"
    activate.parent.mkdir(parents=True)
    activate.write_text(f"export VIRTUAL_ENV={checkout}/tools/venv\n")
    command = ["bash", "-c", ". ./path.sh; . ./path.sh"]
    told = run(command, template, PYTHON="", VIRTUAL_ENV=f"{tmp_path}/mine").stderr
    assert told.count(f"found {tmp_path}/mine active") == 1
    assert f"take {checkout}/tools/venv; export PYTHON" in told
    assert (
        run(command, template, PYTHON="", VIRTUAL_ENV="", CONDA_PREFIX="").stderr == ""
    )
    assert run(command, template, VIRTUAL_ENV=f"{tmp_path}/mine").stderr == ""
