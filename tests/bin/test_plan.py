"""The command line of the plan: table, messages, exit codes, any Python 3.10."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from espnet2_ext.bin.plan import parse_options, quiet
from espnet2_ext.errors import UserError
from tests.conftest import ROOT
from tests.plan.recipes import MACHINE, option_list

PLAN = "espnet2_ext.bin.plan"
# site-packages are out of reach: as on a machine before stage 0
BARE = (sys.executable, "-S", "-m", PLAN)
DEFAULTS = {**option_list("enh_ssl"), **MACHINE, "train_set": "a", "valid_set": "b"}
UTILS = ROOT / "egs2/TEMPLATE/enh_ssl1/utils"  # of the job wrappers
OPTIONS = (
    *(f"{name}={value}" for name, value in DEFAULTS.items()),
    *(
        "test_sets=c",
        "stage=0",
        "stop_stage=4",
        "expdir=exp",
        "enh_config=a.yaml b.yaml",
    ),
    *("seeds=0 1", "inference_model=valid.loss.ave.pth", "python=python3"),
    *("scoring_metrics=FOO", "denoisers=rnnoise", "enh_args=--max_epoch 3"),
)


def plan(command, directory, *words):
    (directory / "a.yaml").write_text("max_epoch: 1\n")
    (directory / "b.yaml").write_text("max_epoch: 2\n")
    return subprocess.run(
        [*command, "--template", "enh_ssl", *map(str, words)],
        cwd=directory,
        env={
            **os.environ,
            **{"PYTHONPATH": str(ROOT), "PATH": f"{UTILS}:{os.environ['PATH']}"},
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_any_python_writes_the_table_before_there_is_an_environment(tmp_path):
    done = plan(BARE, tmp_path, "--output", "exp/systems.tsv", *OPTIONS)
    assert (done.returncode, done.stderr) == (0, "")
    table = [line for line in done.stdout.splitlines() if "\t" in line]
    assert [line.split("\t")[0] for line in table] == [
        *("row", "denoise_rnnoise"),
        *(f"enh_{name}_raw_max_epoch3_seed{n}" for name in "ab" for n in (0, 1)),
    ]
    assert (tmp_path / "exp/systems.tsv").read_text().splitlines() == table
    assert "stages=0 1 2 3 4" in done.stdout.splitlines()
    assert [path.name for path in (tmp_path / "exp").iterdir()] == ["systems.tsv"]


def test_problems_are_one_message_and_nothing_is_written(tmp_path):
    words = ("--output", "exp/systems.tsv", *OPTIONS, "nj=many", "enh_tag=a")
    done = plan(BARE, tmp_path, *words)
    assert done.returncode == 2
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith("ERROR: --nj: found 'many'; expected a whole number >= 1")
    assert second.startswith("--enh_tag: found 1 (a) for 2 systems")
    assert not (tmp_path / "exp").exists()


def test_a_dry_run_writes_nothing(tmp_path):
    words = ("--output", "exp/systems.tsv", "--dry_run", "true", *OPTIONS)
    done = plan(BARE, tmp_path, *words)
    assert done.returncode == 0
    assert not (tmp_path / "exp").exists()


def test_a_table_that_cannot_be_written_is_a_message(tmp_path):
    (tmp_path / "exp").touch()
    done = plan(BARE, tmp_path, "--output", "exp/systems.tsv", *OPTIONS)
    assert done.returncode == 2
    assert done.stderr.startswith("ERROR: exp/systems.tsv: cannot be written")


def test_a_denoiser_that_is_not_installed_is_left_out_with_a_note(
    tmp_path, monkeypatch, capsys
):
    from espnet2_ext.bin.plan import main
    from espnet2_ext.denoisers import registry

    monkeypatch.setattr(registry, "_is_installed", lambda module: module != "pyrnnoise")
    monkeypatch.setenv("PATH", f"{UTILS}:{os.environ['PATH']}")
    words = ["--template", "enh_ssl", *OPTIONS, "enh_config=", "scoring_metrics=SDR"]
    words += ["enh_args=", "denoisers=noisereduce rnnoise"]
    main(words)
    printed = capsys.readouterr()
    assert printed.err == (
        "left out: denoiser rnnoise is not installed: "
        "pip install --no-deps pyrnnoise==0.4.5\n"
    )
    assert "denoise_rnnoise" not in printed.out
    assert "\ndenoise_noisereduce\tnoisereduce\t" in printed.out
    main([*words, "--dry_run", "true"])
    assert "\ndenoise_rnnoise\trnnoise\t" in capsys.readouterr().out


@pytest.mark.parametrize("word", ["stage", "=3", "1a=2", "a b=c"])
def test_a_word_that_sets_nothing_is_refused(word):
    with pytest.raises(UserError, match="NAME=VALUE"):
        parse_options([word])


def test_a_value_may_hold_any_sign():
    assert parse_options(["a=b=c", "d=", "e=--f g"]) == {
        "a": "b=c",
        "d": "",
        "e": "--f g",
    }


def test_what_packages_print_while_they_are_imported_is_not_shown(capfd):
    with quiet():
        print("Failed to import Flash Attention", file=sys.stderr)
        print("of a package")
    assert capfd.readouterr() == ("", "")
