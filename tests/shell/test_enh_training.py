"""Stage 6: what is trained, from where, what is refused."""

from __future__ import annotations

import fcntl

from staged import stages, train


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
    yaml.write_text("max_epoch: 1\nbatch_size: 7\n")
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (1, [])
    assert "conf/tuning/train.yaml" in done.stderr
    assert "What may change is how long it" in done.stderr
    assert "max_epoch patience" in done.stderr
    assert "--enh_tag" in done.stderr
    assert "remove exp/enh_train_raw_seed0" in done.stderr
    done, trained = train(recipe, *config, "--enh_tag", "new")
    assert trained == ["enh_new_seed0", "enh_new_seed1"]
    yaml.write_text("max_epoch: 1\n")


def test_training_goes_on_for_more_epochs(prepared):
    recipe, _ = prepared
    yaml = recipe / "conf/tuning/more.yaml"
    yaml.write_text("max_epoch: 1\n")
    config = ("--enh_config", "conf/tuning/more.yaml", "--seeds", "0")
    assert train(recipe, *config)[1] == ["enh_more_raw_seed0"]
    yaml.write_text("max_epoch: 2 # and a remark\npatience: 3\n")
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (0, ["enh_more_raw_seed0"])
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (0, [])
    exp = ("--enh_exp", "exp/enh_more_raw", "--enh_args")
    done, trained = train(recipe, *config, *exp, "--max_epoch 3 --num_workers 2")
    assert (done.returncode, trained) == (0, ["enh_more_raw_seed0"])
    done, trained = train(recipe, *config, *exp, "--max_epoch 3 --batch_size 2")
    assert (done.returncode, trained) == (1, [])
    assert "--batch_size 2" in done.stderr


def test_training_of_before_goes_on_if_its_file_is_the_same(prepared):
    recipe, _ = prepared
    yaml = recipe / "conf/tuning/old.yaml"
    yaml.write_text("max_epoch: 1\n")
    config = ("--enh_config", "conf/tuning/old.yaml")
    assert train(recipe, *config)[1] == ["enh_old_raw"]
    for name in (".inputs", ".stamp.train"):  # as they were written before
        path = recipe / "exp/enh_old_raw" / name
        lines = path.read_text().splitlines()
        kept = [x for x in lines if not x.endswith("apart from what may change")]
        assert len(kept) == len(lines) - 1
        path.write_text("\n".join(kept) + "\n")
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (0, [])
    assert "skipped" in done.stdout
    yaml.write_text("max_epoch: 2\n")  # what else differs cannot be known
    done, trained = train(recipe, *config)
    assert (done.returncode, trained) == (1, [])


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


def test_configurations_are_checked_together_before_any_training(prepared):
    recipe, _ = prepared
    for name, separator in (("good", "tcn"), ("bad1", "rmn"), ("bad2", "tnc")):
        text = f"separator: {separator}\nmax_epoch: 1\n"
        (recipe / f"conf/tuning/{name}.yaml").write_text(text)
    names = ("good", "bad1", "bad2")
    words = ["--enh_config", " ".join(f"conf/tuning/{name}.yaml" for name in names)]
    done, trained = train(recipe, *words, WITH_ESPNET="true")
    assert (done.returncode, trained) == (2, [])
    assert done.stderr.startswith("ERROR: ")
    assert "good.yaml" not in done.stderr
    for name, separator in (("bad1", "rmn"), ("bad2", "tnc")):
        assert f"conf/tuning/{name}.yaml" in done.stderr
        assert f"'{separator}'" in done.stderr
    assert "Stage 6" not in done.stdout


def test_what_the_user_can_mend_is_one_line(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--enh_tag", "line")
    done, _ = train(recipe, *words, FAIL_IN="line", FAIL_WITH="ERROR: found no x")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "ERROR: found no x" in lines
    assert not [line for line in lines if "last lines" in line]


def test_each_seed_starts_from_its_own_model(prepared):
    recipe, _ = prepared
    words = ("--enh_config", "conf/tuning/train.yaml", "--enh_tag", "warm")
    (recipe / "exp").mkdir(exist_ok=True)
    words += ("--init_param", "exp/cold_SEED.pth:encoder:encoder", "--seeds", "3 4")
    for seed in (3, 4):
        done, trained = train(recipe, *words)
        assert (done.returncode, trained) == (2, [])
        assert f"exp/cold_{seed}.pth" in done.stderr
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
    assert (done.returncode, trained) == (2, [])
    assert "--init_config" in done.stderr
    done = stages(recipe, 3, 3, "--init_config", "conf/none.yaml")  # not in stage 6
    assert done.returncode == 2
    assert "conf/none.yaml" in done.stderr
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
