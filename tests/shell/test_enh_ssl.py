"""The staged template: options, dry run, stamps, refusals, interruption."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

from helpers import TEMPLATE, run
from staged import FAST, SETS, contents, make_recipe, plan_fast, score, stages


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
    done = plan_fast(recipe, ["./enh_ssl.sh", "--train_set", "train"])
    assert done.returncode == 2
    assert "--test_sets" in done.stderr
    done = stages(recipe, 3, 3, "--audio_format", "mp3")
    assert done.returncode == 2
    assert "flac.ark" in done.stderr


def test_dry_run_prints_every_stage_and_writes_nothing(prepared, tmp_path):
    recipe, _ = prepared
    before = contents(recipe)
    done = plan_fast(
        recipe,
        [
            *("./enh_ssl.sh", *SETS, *FAST, "--dry_run", "true"),
            *("--enh_config", "conf/tuning/train.yaml conf/tuning/other.yaml"),
            *("--enh_label", "A B", "--seeds", "0 1", "--skip_packing", "false"),
        ],
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
    assert "--systems exp/systems.tsv --baseline A " in report


def test_names_follow_espnet(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--dry_run", "true")
    args = ("--enh_args", "--max_epoch 3 --optim_conf lr=0.1")
    speed = ("--speed_perturb_factors", "0.9 1.0")
    done = stages(recipe, 5, 6, *words, *args, *speed)
    assert "exp/enh_train_raw_max_epoch3_optim_conflr0.1_sp/train.log" in done.stdout
    assert "exp/enh_stats_16k_sp/train/speech_mix_shape" in done.stdout
    assert "dump/raw/train_sp/wav.scp\\,speech_mix\\,sound" in done.stdout
    done = stages(recipe, 6, 6, *words, "--audio_format", "flac.ark")
    assert "wav.scp\\,speech_mix\\,kaldi_ark" in done.stdout


def test_processors_are_shared_out_whatever_omp_num_threads_says(prepared):
    recipe, _ = prepared
    cores = len(os.sched_getaffinity(0))
    command = ["./enh_ssl.sh", *SETS, "--ngpu", "0", "--dry_run", "true"]
    command += ["--enh_config", "conf/tuning/train.yaml"]
    printed = plan_fast(recipe, command, OMP_NUM_THREADS="1").stdout
    assert f"env OMP_NUM_THREADS={cores} " in printed
    command_of_two = [*command, "--train_jobs", "2"]
    two = plan_fast(recipe, command_of_two, OMP_NUM_THREADS="1").stdout
    assert f"env OMP_NUM_THREADS={max(cores // 2, 1)} " in two
    asked = plan_fast(recipe, [*command, "--train_threads", "7"]).stdout
    assert "env OMP_NUM_THREADS=7 " in asked


def test_a_stage_of_a_later_template_is_said_to_be_absent(prepared):
    recipe, _ = prepared
    done = stages(recipe, 12, 12)
    assert done.returncode == 2
    assert "--skip_upload_hf true leaves out" in done.stderr
    done = stages(recipe, 16, 20)
    assert done.returncode == 2
    assert "15" in done.stderr


def test_a_reference_that_is_not_taken_is_mentioned(prepared):
    recipe, _ = prepared
    second = recipe / "data/train/spk2.scp"
    second.write_text((recipe / "data/train/spk1.scp").read_text())
    done = stages(recipe, 3, 3, "--dry_run", "true")
    second.unlink()
    assert "WARNING: found data/train/spk2.scp" in done.stdout
    assert "--ref_num" in done.stdout
    assert "WARNING" not in stages(recipe, 3, 3, "--dry_run", "true").stdout


def test_skip_options_leave_stages_out(prepared):
    recipe, _ = prepared
    words = ("--skip_data_prep", "true", "--skip_train", "true", "--skip_eval", "true")
    done = stages(recipe, 1, 15, *words)
    assert done.returncode == 0
    left_out = [x for x in done.stdout.splitlines() if "left out" in x]
    assert len(left_out) == len((1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15))


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


def test_scoring_repeats_only_the_jobs_that_had_not_finished(prepared):
    recipe, _ = prepared
    enhanced = recipe / "exp/enh_s/enhanced_test"
    enhanced.mkdir(parents=True)
    (enhanced / "spk1.scp").write_text((recipe / "data/test/spk1.scp").read_text())
    words = ("--enh_exp", "exp/enh_s", "--eval_valid_set", "false")
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


def test_the_validation_set_is_enhanced_and_scored_as_in_espnet(prepared, tmp_path):
    recipe = make_recipe(tmp_path / "own")
    shutil.copytree(prepared[0] / "dump", recipe / "dump")
    words = ("--enh_exp", "exp/enh_v", "--recognisers", "pocketsphinx")
    dry = stages(recipe, 7, 8, *words, "--dry_run", "true").stdout
    for part in ("enhanced_test", "enhanced_valid"):
        assert f"--output_dir exp/enh_v/{part}/logdir/output.JOB" in dry
        assert f"--output exp/enh_v/{part}/scoring/logdir/scores.JOB.jsonl" in dry
    assert (
        "--valid_set valid"
        in stages(recipe, 15, 15, *words, "--dry_run", "true").stdout
    )
    once = stages(
        recipe, 7, 8, *words, "--dry_run", "true", "--eval_valid_set", "false"
    )
    assert "enhanced_valid" not in once.stdout
    named = (*words, "--dry_run", "true", "--test_sets", "valid test")
    assert stages(recipe, 7, 7, *named).stdout.count("enhance valid test with") <= 1
    for part in ("test", "valid"):
        enhanced = recipe / f"exp/enh_v/enhanced_{part}"
        enhanced.mkdir(parents=True)
        audio = (recipe / f"data/{part}/spk1.scp").read_text()
        (enhanced / "spk1.scp").write_text(audio)
        (recipe / f"data/{part}/text").unlink(missing_ok=True)
        (recipe / f"dump/raw/{part}/text").unlink(missing_ok=True)
    refused, _ = score(recipe, *words)
    assert "found no dump/raw/test/text" in refused.stderr
    done, scored = score(recipe, *words, "--recognisers", "")
    assert done.returncode == 0, done.stderr
    assert "exp/enh_v/enhanced_valid/scoring 2" in scored
    (recipe / "dump/raw/test/text").write_text(
        "x\n"
    )  # only the validation set lacks it
    done, scored = score(recipe, *words)
    assert done.returncode == 0, done.stderr
    assert not any("valid" in line for line in scored)


def test_formatting_repeats_only_the_jobs_that_had_not_finished(tmp_path):
    recipe = make_recipe(tmp_path / "new")
    words = ("--python", f"{recipe}/python")
    done = stages(recipe, 3, 3, *words, FAIL_IN="format 2")
    assert done.returncode == 1
    assert "disk full" in done.stderr
    assert (recipe / "formatted").read_text().split() == ["1"]  # of the train set
    (recipe / "formatted").unlink()
    done = stages(recipe, 3, 3, *words)
    assert done.returncode == 0, done.stderr
    first, *others = (recipe / "formatted").read_text().split()
    assert first == "2"
    assert sorted(others) == ["1", "1", "2", "2"]  # valid and test
    for file in (recipe / "dump/raw").rglob(".stamp"):
        file.unlink()  # asked for again: nothing is taken for done
    (recipe / "formatted").unlink()
    stages(recipe, 3, 3, *words)
    assert len((recipe / "formatted").read_text().split()) == 6


def test_report_has_what_downstream_stages_have_left(tmp_path):
    recipe = make_recipe(tmp_path / "new")
    words = ("--enh_exp", "exp/a", "--superb_tasks", "pr ks", "--asr_exp", "exp/asr_x")
    words += ("--superb_upstreams", "fbank", "--dry_run", "true")

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
    assert "--superb_dir" not in command("--skip_downstream", "true")
    assert "--by" not in found
    assert " --by utt2noise utt2dur " in command("--report_by", "utt2noise utt2dur")


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
    assert done.returncode == 2
    assert "the same system twice, both in exp/enh_train_raw" in done.stderr
    done = stages(recipe, 6, 6, "--enh_config", yaml, "--enh_label", "A B")
    assert done.returncode == 2
    assert "--enh_label" in done.stderr
    done = stages(recipe, 6, 6, "--enh_config", "conf/absent.yaml")
    assert done.returncode == 2
    assert "conf/absent.yaml" in done.stderr


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
