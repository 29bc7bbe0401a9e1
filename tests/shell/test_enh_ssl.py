"""The staged template: options, dry run, stamps, refusals, interruption."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import TEMPLATE, make_data_dir, run

SETS = ["--train_set", "train", "--valid_set", "valid", "--test_sets", "test"]
FAST = ["--nj", "2", "--ngpu", "0", "--audio_format", "flac"]

# Stands in for the interpreter: "trains" at once, passes everything else on.
FAKE_PYTHON = """#!/usr/bin/env bash
case "$*" in
    *espnet2.bin.launch*)
        while [ "$1" != --output_dir ]; do shift; done
        [ -z "${FAIL_IN:-}" ] || [[ $2 != *"${FAIL_IN}"* ]] \\
            || { echo "loss is not finite"; exit 9; }
        echo "$2" >> trained
        touch "$2/config.yaml" "$2/checkpoint.pth"
        echo x > "$2/config.yaml"
        ;;
    *bin.format_data\\ *--job*)
        job=$*
        job=${job##*--job }
        [ "${FAIL_IN:-}" != "format ${job}" ] || { echo "disk full"; exit 9; }
        echo "${job}" >> formatted
        exec "${REAL_PYTHON}" "$@"
        ;;
    *espnet2_ext.bin.score\\ *)
        keys=$*
        keys=${keys##*--key_file }
        keys=${keys%% *}
        [ -z "${FAIL_IN:-}" ] || [[ ${keys} != *"${FAIL_IN}"* ]] \\
            || { echo "no such metric"; exit 9; }
        echo "${keys%/logdir*}" "$(wc -l < "${keys}")" >> scored
        ;;
    *bin.collect_scores*)
        while [ "$1" != --scoring_dir ]; do shift; done
        echo x > "$2/scores.jsonl"
        ;;
    *) exec "${REAL_PYTHON}" "$@" ;;
esac
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Return a recipe with stages 3 and 4 done on 48 kHz input, and their output."""
    recipe = make_recipe(tmp_path_factory.mktemp("recipes"))
    done = stages(recipe, 3, 4)
    assert done.returncode == 0, done.stdout + done.stderr
    return recipe, done.stdout


def make_recipe(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    done = run([TEMPLATE / "setup.sh", "egs2/tiny/enh_ssl1"], directory)
    assert done.returncode == 0, done.stderr
    recipe = directory / "egs2/tiny/enh_ssl1"
    for name, count in (("train", 5), ("valid", 3), ("test", 3)):
        make_data_dir(recipe, name, count, fs=48000)
    (recipe / "conf/tuning/train.yaml").write_text("max_epoch: 1\n")
    (recipe / "conf/tuning/other.yaml").write_text("max_epoch: 2\n")
    (recipe / "python").write_text(FAKE_PYTHON)
    (recipe / "python").chmod(0o755)
    return recipe


def stages(recipe: Path, first: int, last: int, *words: str, **environment: str):
    command = ["./enh_ssl.sh", *SETS, *FAST, "--stage", str(first)]
    return run([*command, "--stop_stage", str(last), *words], recipe, **environment)


def train(recipe: Path, *words: str, **environment: str):
    (recipe / "trained").unlink(missing_ok=True)
    done = stages(
        recipe,
        6,
        6,
        *("--python", f"{recipe}/python", *words),
        REAL_PYTHON=sys.executable,
        **environment,
    )
    noted = recipe / "trained"
    names = noted.read_text().split() if noted.exists() else []
    return done, [name.removeprefix("exp/") for name in sorted(names)]


def score(recipe: Path, *words: str, **environment: str):
    (recipe / "scored").unlink(missing_ok=True)
    done = stages(
        recipe,
        *(8, 8, "--python", f"{recipe}/python", "--inference_nj", "2", *words),
        REAL_PYTHON=sys.executable,
        **environment,
    )
    noted = recipe / "scored"
    return done, sorted(noted.read_text().splitlines()) if noted.exists() else []


def contents(directory: Path) -> dict[str, str]:
    """Digest every file except logs (they hold dates), scores and stamps."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and path.name[0] != "."
        and not {"logs", "scoring", "scoring_clean"} & set(path.parts)
    }


def test_help_needs_no_environment_and_lists_every_option(tmp_path):
    done = run(
        [TEMPLATE / "enh_ssl.sh", "--help"], tmp_path, PYTHON="/nonexistent/python"
    )
    assert done.returncode == 0
    for option, default in (("--stage", "0"), ("--fs", "16k"), ("--dumpdir", "dump")):
        line = next(x for x in done.stdout.splitlines() if x.split()[:1] == [option])
        assert line.endswith(f"[{default}]")
    source = (TEMPLATE / "enh_ssl.sh").read_text().split("## end of options")[0]
    options = [x.split("=")[0] for x in source.splitlines() if x[:1].isalpha()]
    options = [x for x in options if x.isidentifier()]
    assert len(options) == len(set(options)) > 40
    assert all(f"--{option} " in done.stdout for option in options)


def test_set_names_are_required_and_formats_checked(prepared):
    recipe, _ = prepared
    done = run(["./enh_ssl.sh", "--train_set", "train"], recipe)
    assert done.returncode == 1
    assert "--test_sets" in done.stderr
    done = stages(recipe, 3, 3, "--audio_format", "mp3")
    assert done.returncode == 1
    assert "flac.ark" in done.stderr


def test_dry_run_prints_every_stage_and_writes_nothing(prepared, tmp_path):
    recipe, _ = prepared
    before = contents(recipe)
    done = run(
        [
            *("./enh_ssl.sh", *SETS, *FAST, "--dry_run", "true"),
            *("--enh_config", "conf/tuning/train.yaml conf/tuning/other.yaml"),
            *("--enh_label", "A B", "--seeds", "0 1", "--skip_packing", "false"),
        ],
        recipe,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert contents(recipe) == before
    for expected in (
        *("check_install.py", "local/data.sh", "bin.check_data", "bin.format_data"),
        *("bin.filter_data", "--collect_stats true", "bin.aggregate_stats_dirs"),
        *("espnet2.bin.launch", "bin.export", "espnet2.bin.enh_inference"),
        *("bin.score ", "bin.collect_scores", "bin.pack"),
    ):
        assert expected in done.stdout, expected
    trainings = [x for x in done.stdout.splitlines() if "bin.launch" in x]
    outputs = [x.split("--output_dir ")[1].split()[0] for x in trainings]
    assert outputs == [
        f"exp/enh_{name}_raw_seed{seed}"
        for name in ("train", "other")
        for seed in (0, 1)
    ]
    assert all(
        f"--seed {out[-1]} " in x for x, out in zip(trainings, outputs, strict=1)
    )
    report = next(x for x in done.stdout.splitlines() if "bin.report" in x)
    systems = "A=exp/enh_train_raw_seed0,exp/enh_train_raw_seed1"
    assert systems in report.replace("\\", "")


def test_names_follow_espnet(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--dry_run", "true")
    args = ("--enh_args", "--max_epoch 3 --optim_conf lr=0.1 --log a/b")
    speed = ("--speed_perturb_factors", "0.9 1.0")
    done = stages(recipe, 5, 6, *words, *args, *speed)
    assert (
        "exp/enh_train_raw_max_epoch3_optim_conflr0.1_loga_b_sp/train.log"
        in done.stdout
    )
    assert "exp/enh_stats_16k_sp/train/speech_mix_shape" in done.stdout
    assert "dump/raw/train_sp/wav.scp\\,speech_mix\\,sound" in done.stdout
    done = stages(recipe, 6, 6, *words, "--audio_format", "flac.ark")
    assert "wav.scp\\,speech_mix\\,kaldi_ark" in done.stdout


def test_processors_are_shared_out_whatever_omp_num_threads_says(prepared):
    recipe, _ = prepared
    cores = len(os.sched_getaffinity(0))
    command = ["./enh_ssl.sh", *SETS, "--ngpu", "0", "--dry_run", "true"]
    command += ["--enh_config", "conf/tuning/train.yaml"]
    printed = run(command, recipe, OMP_NUM_THREADS="1").stdout
    assert f"env OMP_NUM_THREADS={cores} " in printed
    two = run([*command, "--train_jobs", "2"], recipe, OMP_NUM_THREADS="1").stdout
    assert f"env OMP_NUM_THREADS={max(cores // 2, 1)} " in two
    asked = run([*command, "--train_threads", "7"], recipe).stdout
    assert "env OMP_NUM_THREADS=7 " in asked


def test_a_stage_of_a_later_template_is_said_to_be_absent(prepared):
    recipe, _ = prepared
    done = stages(recipe, 12, 12)
    assert done.returncode == 0
    assert "Stage 12: not in this template" in done.stdout
    done = stages(recipe, 16, 20)
    assert done.returncode == 1
    assert "at most 15" in done.stderr


def test_skip_options_leave_stages_out(prepared):
    recipe, _ = prepared
    words = ("--skip_data_prep", "true", "--skip_train", "true", "--skip_eval", "true")
    done = stages(recipe, 1, 15, *words)
    assert done.returncode == 0
    left_out = [x for x in done.stdout.splitlines() if "left out" in x]
    assert len(left_out) == len((1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15))


def test_format_and_filter_make_espnets_directories(prepared):
    recipe, output = prepared
    assert "format train -> log: dump/raw/org/train/logs/format.1.log" in output
    assert "Stage 3 done in" in output
    for directory in ("org/train", "org/valid", "train", "valid", "test"):
        for name in ("wav.scp", "spk1.scp", "utt2num_samples", "feats_type", "utt2snr"):
            assert (recipe / "dump/raw" / directory / name).is_file(), (directory, name)
    assert not (recipe / "dump/raw/org/test").exists()
    first = (recipe / "dump/raw/train/wav.scp").read_text().splitlines()[0]
    assert first == "train00 dump/raw/org/train/data/wav/format.1/train00.flac"


def test_unchanged_inputs_are_skipped_and_changed_ones_redone(prepared):
    recipe, _ = prepared
    before = contents(recipe / "dump")
    again = stages(recipe, 3, 4)
    assert again.stdout.count("inputs unchanged and outputs complete, skipped") == 6
    audio = next((recipe / "audio").glob("test01_wav.wav"))
    os.utime(audio)
    touched = stages(recipe, 3, 4)
    assert "format test -> log" in touched.stdout
    assert "format train" not in touched.stdout
    (recipe / "dump/raw/test/wav.scp").unlink()
    assert "format test -> log" in stages(recipe, 3, 4).stdout
    assert contents(recipe / "dump") == before


def test_training_is_skipped_when_done_and_refused_when_changed(prepared):
    recipe, _ = prepared
    config = ("--enh_config", "conf/tuning/train.yaml", "--seeds", "0 1")
    done, trained = train(recipe, *config)
    assert done.returncode == 0, done.stderr
    assert trained == ["enh_train_raw_seed0", "enh_train_raw_seed1"]
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (0, [])
    assert done.stdout.count("skipped") == 2

    yaml = recipe / "conf/tuning/train.yaml"
    yaml.write_text("max_epoch: 7\n")
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (1, [])
    assert "conf/tuning/train.yaml" in done.stderr
    assert "--enh_tag" in done.stderr
    assert "remove exp/enh_train_raw_seed0" in done.stderr
    done, trained = train(recipe, *config, "--enh_tag", "new")
    assert trained == ["enh_new_seed0", "enh_new_seed1"]
    yaml.write_text("max_epoch: 1\n")


def test_a_failing_training_shows_its_log_and_stops(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--enh_tag", "f")
    done, trained = train(recipe, *words, "--seeds", "0 1", FAIL_IN="seed0")
    assert done.returncode == 1
    assert "loss is not finite" in done.stderr
    assert "failed with status 9, log: exp/enh_f_seed0/train.log" in done.stderr
    assert "enh_f_seed0" not in trained
    done, trained = train(recipe, *words, "--seeds", "0 1")
    assert done.returncode == 0
    assert "enh_f_seed0" in trained


def test_each_seed_starts_from_its_own_model(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--enh_tag", "warm")
    (recipe / "exp").mkdir(exist_ok=True)
    words += ("--init_param", "exp/cold_SEED.pth:encoder:encoder", "--seeds", "3 4")
    for seed in (3, 4):
        done, trained = train(recipe, *words)
        assert (done.returncode, trained) == (1, [])
        assert f"found no exp/cold_{seed}.pth; expected the model" in done.stderr
        (recipe / f"exp/cold_{seed}.pth").touch()
    done, trained = train(recipe, *words)
    assert trained == ["enh_warm_seed3", "enh_warm_seed4"]
    shown = stages(recipe, 6, 6, *words, "--dry_run", "true").stdout
    for seed in (3, 4):
        start = f"--seed {seed} --init_param exp/cold_{seed}.pth:encoder:encoder "
        assert start in shown
    (recipe / "exp/cold_4.pth").write_text("trained anew")
    refused = [words, (*words[:4], "--seeds", "3")]  # another model, no model
    for other, changed in zip(
        refused, ("cold_4.pth", "init_param exp/cold_3"), strict=True
    ):
        done, trained = train(recipe, *other)
        assert (done.returncode, trained) == (1, [])
        assert changed in done.stderr


def test_a_first_stage_is_trained_once_for_each_seed(prepared):
    recipe, _ = prepared
    words = ["--init_config", "conf/tuning/train.yaml", "--seeds", "5 6"]
    words += ["--inference_model", "checkpoint.pth"]
    systems = ["--enh_config", "conf/tuning/other.yaml", "--enh_tag", "second"]
    done, trained = train(recipe, *words, *systems, FAIL_IN="train_raw_seed6")
    assert (done.returncode, trained) == (1, ["enh_train_raw_seed5"])  # no second stage
    done, trained = train(recipe, *words, *systems)
    second = ["enh_second_seed5", "enh_second_seed6"]
    assert trained == [*second, "enh_train_raw_seed6"]
    shown = stages(recipe, 6, 6, *words, *systems, "--dry_run", "true").stdout
    for seed in (5, 6):
        model = f"exp/enh_train_raw_seed{seed}/checkpoint.pth"
        assert f"--seed {seed} --init_param {model} " in shown
    systems[-1] = "third"  # other systems, the same first stage
    assert train(recipe, *words, *systems)[1] == ["enh_third_seed5", "enh_third_seed6"]


def test_a_first_stage_is_not_among_the_systems_and_yields_to_a_model(prepared):
    recipe, _ = prepared
    words = ["--init_config", "conf/tuning/train.yaml", "--enh_tag", "own"]
    done, trained = train(recipe, *words, "--enh_config", "conf/tuning/train.yaml")
    assert (done.returncode, trained) == (1, [])
    assert "found --init_config conf/tuning/train.yaml in --enh_config" in done.stderr
    (recipe / "exp/own.pth").touch()
    words += ["--enh_config", "conf/tuning/other.yaml", "--init_param", "exp/own.pth"]
    assert train(recipe, *words)[1] == ["enh_own"]


def test_a_training_is_not_started_twice_at_once(prepared):
    recipe, _ = prepared
    exp = recipe / "exp/enh_lock"
    exp.mkdir(parents=True)
    with open(exp / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        words = ("--enh_config", "conf/tuning/train.yaml", "--enh_tag", "lock")
        done, trained = train(recipe, *words)
    assert (done.returncode, trained) == (1, [])
    assert "another training in exp/enh_lock" in done.stderr


def test_scoring_repeats_only_the_jobs_that_had_not_finished(prepared):
    recipe, _ = prepared
    enhanced = recipe / "exp/enh_s/enhanced_test"
    enhanced.mkdir(parents=True)
    (enhanced / "spk1.scp").write_text((recipe / "data/test/spk1.scp").read_text())
    words = ("--enh_exp", "exp/enh_s")
    done, scored = score(recipe, *words, FAIL_IN="scoring_clean/logdir/keys.2")
    assert done.returncode == 1
    assert "no such metric" in done.stderr
    clean, noisy = "dump/raw/test/scoring_clean", "dump/raw/test/scoring"
    assert f"{clean} 2" in scored  # of three utterances, the first job's
    assert f"{clean} 1" not in scored

    done, scored = score(recipe, *words)
    assert done.returncode == 0, done.stderr
    assert f"{clean} 1" in scored
    assert f"{clean} 2" not in scored
    assert f"{enhanced.relative_to(recipe)}/scoring 2" in scored

    done, scored = score(recipe, *words)
    assert (done.returncode, scored) == (0, [])
    done, scored = score(recipe, *words, "--scoring_metrics", "SDR")
    assert [x for x in scored if x.startswith((f"{clean} ", f"{noisy} "))] == [
        *(f"{noisy} 1", f"{noisy} 2", f"{clean} 1", f"{clean} 2")
    ]


def test_formatting_repeats_only_the_jobs_that_had_not_finished(tmp_path):
    recipe = make_recipe(tmp_path / "new")
    words = ("--python", f"{recipe}/python")
    done = stages(recipe, 3, 3, *words, REAL_PYTHON=sys.executable, FAIL_IN="format 2")
    assert done.returncode == 1
    assert "disk full" in done.stderr
    assert (recipe / "formatted").read_text().split() == ["1"]  # of the train set
    (recipe / "formatted").unlink()
    done = stages(recipe, 3, 3, *words, REAL_PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr
    first, *others = (recipe / "formatted").read_text().split()
    assert first == "2"
    assert sorted(others) == ["1", "1", "2", "2"]  # valid and test
    for file in (recipe / "dump/raw").rglob(".stamp"):
        file.unlink()  # asked for again: nothing is taken for done
    (recipe / "formatted").unlink()
    stages(recipe, 3, 3, *words, REAL_PYTHON=sys.executable)
    assert len((recipe / "formatted").read_text().split()) == 6


def test_report_has_what_downstream_stages_have_left(tmp_path):
    recipe = make_recipe(tmp_path / "new")
    words = ("--enh_exp", "exp/a", "--superb_tasks", "pr ks", "--asr_exp", "exp/asr_x")
    words += ("--superb_upstreams", "fbank", "--dry_run", "true", "--denoisers", "dtln")

    def command(*more: str) -> str:
        done = stages(recipe, 15, 15, *words, *more)
        assert done.returncode == 0, done.stderr
        (line,) = [x for x in done.stdout.splitlines() if "bin.report" in x]
        return line.replace("\\", "")

    assert "--superb_dir" not in command()
    assert "--asr_tag" not in command()
    (recipe / "exp/superb/fbank/pr/evaluate").mkdir(parents=True)
    (recipe / "exp/RESULTS_ASR_x.md").touch()
    found = command()
    assert "--superb_dir exp/superb --superb_tasks pr ks" in found
    assert "--asr_tag x --asr_test_sets test" in found
    assert "--denoisers dtln=exp/denoise_dtln" in found
    assert "--superb_dir" not in command("--skip_downstream", "true")


def test_an_upstream_may_have_tasks_of_its_own(tmp_path):
    recipe = make_recipe(tmp_path / "new")
    upstreams = "conf/ssl/wavlm_large.yaml fbank=ks,sid"
    words = ("--superb_tasks", "pr ks sid", "--superb_upstreams", upstreams)
    done = stages(recipe, 13, 13, *words, "--dry_run", "true")
    assert done.returncode == 0, done.stderr
    lines = [x.replace("\\", "") for x in done.stdout.splitlines() if "superb" in x]
    wavlm, fbank = (x for x in lines if "bin.superb train" in x)
    assert "exp/superb/wavlm_large/train.log" in wavlm
    assert "--tasks pr ks sid --upstream conf/ssl/wavlm_large.yaml" in wavlm
    assert "exp/superb/fbank/train.log" in fbank
    assert "--tasks ks sid --upstream fbank" in fbank


def test_systems_that_would_share_a_directory_or_lack_a_label_are_refused(prepared):
    recipe, _ = prepared
    yaml = "conf/tuning/train.yaml"
    done = stages(recipe, 6, 6, "--enh_config", f"{yaml} {yaml}")
    assert done.returncode == 1
    assert "two systems in exp/enh_train_raw" in done.stderr
    done = stages(recipe, 6, 6, "--enh_config", yaml, "--enh_label", "A B")
    assert done.returncode == 1
    assert "2 labels" in done.stderr
    done = stages(recipe, 6, 6, "--enh_config", "conf/absent.yaml")
    assert done.returncode == 1
    assert "conf/absent.yaml, which cannot be read" in done.stderr


def test_a_missing_model_is_named_before_enhancement(prepared):
    recipe, _ = prepared
    (recipe / "exp/enh_x").mkdir(parents=True)
    (recipe / "exp/enh_x/3epoch.pth").touch()
    done = stages(recipe, 7, 7, "--enh_exp", "exp/enh_x")
    assert done.returncode != 0
    assert "valid.loss.ave.pth" in done.stderr
    assert "3epoch.pth" in done.stderr


def test_format_killed_at_any_moment_gives_the_same_result(prepared, tmp_path):
    recipe, _ = prepared
    expected = contents(recipe / "dump/raw/test")
    for marker in ("wav/format.1/test00.flac", "spk1/format.2/test02.flac"):
        twin = make_recipe(tmp_path / marker.replace("/", "_"))
        command = ["./enh_ssl.sh", *SETS, *FAST, "--stage", "3", "--stop_stage", "4"]
        env = {**os.environ, "PYTHON": sys.executable}
        with open(tmp_path / "out", "w") as out:
            process = subprocess.Popen(
                command, cwd=twin, env=env, stdout=out, stderr=out
            )
            target = twin / "dump/raw/test/data" / marker
            while not target.exists() and process.poll() is None:
                time.sleep(0.001)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert stages(twin, 3, 4).returncode == 0
        assert contents(twin / "dump/raw/test") == expected
