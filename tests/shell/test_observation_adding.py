"""Observation adding in the template: rows, order, resumption, refusals."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import ROOT, run
from staged import PASS_ON, give_python, make_recipe, plan_fast, stages

# Stands in for the interpreter: "enhances" at once (the clean speech), passes
# everything else on.
FAKE_PYTHON = """
case "$*" in
    *bin.export*) ;;
    *espnet2.bin.enh_inference*)
        while [ $# -gt 0 ]; do
            case "$1" in --key_file) keys=$2 ;; --output_dir) out=$2 ;; esac
            shift
        done
        mkdir -p "${out}"
        while read -r utt _; do grep "^${utt} " dump/raw/test/spk1.scp; done \\
            < "${keys}" > "${out}/spk1.scp"
        ;;
    *bin.observation_adding*)
        keys=$*
        keys=${keys##*--key_file }
        keys=${keys%% *}
        [ "${FAIL_IN:-}" != "${keys}" ] || { echo "disk full"; exit 9; }
        echo "${keys}" >> mixed
        exec "${REAL_PYTHON}" "$@"
        ;;
    *) exec "${REAL_PYTHON}" "$@" ;;
esac
"""
SYSTEMS = ("--enh_exp", "exp/enh_a", "--enh_label", "A", "--seeds", "0 1")
SYSTEMS += ("--eval_valid_set", "false")
YAMLS = ("--enh_config", "conf/tuning/train.yaml conf/tuning/other.yaml")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    """Return a recipe with stages 3 and 4 done, and a system of two seeds."""
    recipe = make_recipe(tmp_path_factory.mktemp("recipes"))
    give_python(recipe, "python", FAKE_PYTHON)
    done = stages(recipe, 3, 4)
    assert done.returncode == 0, done.stderr
    for seed in (0, 1):
        exp = recipe / f"exp/enh_a_seed{seed}"
        exp.mkdir(parents=True)
        (exp / "config.yaml").write_text("criterions: []\n")
        (exp / "valid.loss.ave.pth").write_text("weights")
    return recipe


def enhance(recipe: Path, *words: str, **environment: str):
    """Run stage 7; give the process and the keys of what was mixed."""
    (recipe / "mixed").unlink(missing_ok=True)
    python = ("--python", f"{recipe}/python", "--inference_nj", "2")
    done = stages(recipe, 7, 7, *python, *SYSTEMS, *words, **environment)
    noted = recipe / "mixed"
    return done, sorted(noted.read_text().split()) if noted.exists() else []


def table(scp: Path) -> dict[str, str]:
    return dict(line.split(" ", 1) for line in scp.read_text().splitlines())


def jobs(row: str) -> list[str]:
    return [f"exp/{row}/enhanced_test/logdir/keys.{job}.scp" for job in (1, 2)]


def test_rows_are_made_of_the_enhanced_and_the_noisy_speech(recipe):
    done, mixed = enhance(recipe, "--observation_adding", "0 0.25")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [f"enh_a_seed{seed}_oa0.25" for seed in (0, 1)]
    assert mixed == [*jobs(rows[0]), *jobs(rows[1])]
    assert not (recipe / "exp/enh_a_seed0_oa0").exists()
    raw = recipe / "dump/raw/test"
    clean, noisy = table(raw / "spk1.scp"), table(raw / "wav.scp")
    for row in rows:
        directory = recipe / "exp" / row
        assert (directory / "system/valid.loss.ave.pth").read_text() == "weights"
        found = table(directory / "enhanced_test/spk1.scp")
        assert found.keys() == noisy.keys()
        for utt, path in found.items():
            wav, e, y = (
                soundfile.read(recipe / x)[0] for x in (path, clean[utt], noisy[utt])
            )
            np.testing.assert_allclose(wav, 0.75 * e + 0.25 * y, atol=1 / 32768)


def test_second_run_does_nothing_and_a_broken_one_goes_on(recipe):
    words = ("--observation_adding", "0.5")
    row = "enh_a_seed1_oa0.5"
    done, mixed = enhance(recipe, *words, FAIL_IN=jobs(row)[1])
    assert done.returncode == 1
    assert (
        "disk full"
        in (recipe / jobs(row)[1]).with_name("observation_adding.2.log").read_text()
    )
    assert "log: exp/enh_a_seed1_oa0.5/enhanced_test/logdir/obs" in done.stderr
    assert not (recipe / f"exp/{row}/enhanced_test/spk1.scp").exists()
    done, mixed = enhance(recipe, *words)
    assert (done.returncode, mixed) == (0, [jobs(row)[1]])
    done, mixed = enhance(recipe, *words)
    assert (done.returncode, mixed) == (0, [])
    audio = next(iter(table(recipe / "dump/raw/test/spk1.scp").values()))
    os.utime(recipe / audio)  # as if enhanced anew
    _, mixed = enhance(recipe, *words)
    assert mixed == [*jobs("enh_a_seed0_oa0.5"), *jobs(row)]


def dry_run(recipe: Path, first: int, last: int, *words: str) -> list[str]:
    done = stages(recipe, first, last, "--dry_run", "true", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.replace("\\", "").splitlines()


def test_rows_come_after_their_system_with_the_seeds_together(recipe):
    words = (*YAMLS, "--enh_label", "A B", "--seeds", "0 1")
    words += ("--eval_valid_set", "false")
    lines = dry_run(recipe, 8, 8, *words, "--observation_adding", "0 0.1 0.3")
    scored = [x.split("--inf_scp ")[1].split()[0] for x in lines if "bin.score " in x]
    rows = []
    for yaml in ("train", "other"):
        for tail in ("", "_oa0.1", "_oa0.3"):
            exps = [f"exp/enh_{yaml}_raw_seed{seed}{tail}" for seed in (0, 1)]
            rows += [f"{exp}/enhanced_test/spk1.scp" for exp in exps]
    assert scored[2:] == rows  # after clean and noisy


def test_every_later_stage_has_the_rows(recipe):
    words = ("--enh_exp", "exp/enh_x", "--observation_adding", "0.1")
    words = (*words, "--asr_exp", "exp/asr_y", "--asr_tag", "y")
    words = (*words, "--superb_tasks", "ks", "--superb_upstreams", "fbank")
    for model in ("enh_x/valid.loss.ave.pth", "asr_y/valid.acc.ave.pth"):
        (recipe / "exp" / model).parent.mkdir()
        (recipe / "exp" / model).touch()
    row = "exp/enh_x_oa0.1/enhanced_"
    lines = dry_run(recipe, 7, 10, *words, "--skip_downstream", "false")
    lines += dry_run(recipe, 13, 14, *words, "--skip_downstream", "false")
    for command, expected in (
        ("bin.observation_adding", f"--out_dir {row}test/logdir/output.JOB"),
        ("bin.score ", f"--inf_scp {row}test/spk1.scp"),
        ("bin.asr_inference", f"{row}test/spk1.scp,speech,sound"),
        ("bin.score_asr", f"--hyp {row}test/asr_y/text"),
        ("bin.asr_results", f"test/enh_x_oa0.1={row}test/asr_y"),
        ("bin.observation_adding", f"--out_dir {row}test_superb/logdir/output.JOB"),
        ("bin.superb evaluate", f" enh_x_oa0.1={row}test_superb/spk1.scp"),
    ):
        found = [line for line in lines if command in line and expected in line]
        assert found, (command, expected)


def test_training_and_packing_know_nothing_of_it(recipe):
    words = (*YAMLS, "--skip_packing", "false")
    for stage, command in ((6, "bin.enh_ssl_train"), (11, "bin.pack")):
        lines = dry_run(recipe, stage, stage, *words)
        more = dry_run(recipe, stage, stage, *words, "--observation_adding", "0.1")
        before = [line for line in lines if line[:1] == "+"]
        assert sum(command in line for line in before) == 2
        assert [line for line in more if line[:1] == "+"] == before


def test_none_is_the_default(recipe):
    lines = dry_run(recipe, 7, 15, *SYSTEMS)
    assert not any("observation_adding" in x or "_oa" in x for x in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--observation_adding", "0.1 2"), "found '2'; expected numbers from 0 to 1"),
        (("--observation_adding", "0.1,0.2"), "expected numbers from 0 to 1"),
        (
            ("--observation_adding", "0.1 0.1"),
            "each once, and 0.1 is there twice",
        ),
        (
            ("--observation_adding", "0.1", "--ref_num", "2"),
            "--ref_num 2; expected 1",
        ),
        (
            (
                *("--observation_adding", "0.1"),
                *("--inference_args", "--normalize_output_wav true"),
            ),
            "the enhanced speech needs its own level",
        ),
    ],
)
def test_what_cannot_be_mixed_is_said_at_the_start(recipe, words, message):
    done = stages(recipe, 7, 7, *SYSTEMS, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Stage 7" not in done.stdout


def test_superb_template_has_the_rows_too(tmp_path):
    setup = ROOT / "egs2/TEMPLATE/enh_ssl1/setup.sh"
    assert run([setup, "egs2/tiny/superb1"], tmp_path).returncode == 0
    system = tmp_path / "egs2/tiny/enh_ssl1/exp/enh_z"
    system.mkdir(parents=True)
    for name in ("config.yaml", "valid.loss.best.pth"):
        (system / name).touch()
    recipe = tmp_path / "egs2/tiny/superb1"
    give_python(recipe, "plan_python", PASS_ON)
    done = plan_fast(
        recipe,
        [
            *("./superb.sh", "--dry_run", "true", "--stage", "7"),
            *("--enh_exps", "../enh_ssl1/exp/enh_z", "--observation_adding", "0.1"),
            *("--ngpu", "0", "--nj", "2"),
        ],
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.replace("\\", "").splitlines()
    evaluated = [line for line in lines if "bin.superb evaluate" in line]
    assert any(
        "enh_z_oa0.1=exp/enh_z_oa0.1/enhanced_test_superb" in x for x in evaluated
    )
