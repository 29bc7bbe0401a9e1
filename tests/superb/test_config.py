from pathlib import Path

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.superb.config import merge, read_fragment
from espnet2_ext.superb.tasks import TASKS, task_of

ROOT = Path(__file__).resolve().parents[2]
# the shape of s3prl's defaults, in small
DEFAULTS = {
    "start": 0,
    "prepare_data": {"dataset_root": "???"},
    "build_upstream": {"name": "???"},
    "build_dataset": {"train": {"max_secs": 8.0}},
    "build_batch_sampler": {"train": {"batch_size": 8}, "test": {"batch_size": 1}},
    "build_downstream": {"hidden_size": 256},
    "build_optimizer": {"name": "Adam", "conf": {"lr": 1e-4}},
    "train": {
        "total_steps": 2000,
        "log_step": 100,
        "eval_step": 500,
        "save_step": 500,
        "seed": 0,
    },
}


def merged(fragment, task="sid"):
    return merge(DEFAULTS, fragment, task_of(task))


def test_defaults_stay_where_nothing_is_set():
    config = merged(
        {"train": {"total_steps": 600}, "build_downstream": {"hidden_size": 8}}
    )
    assert config["train"] == {**DEFAULTS["train"], "total_steps": 600}
    assert config["build_downstream"] == {"hidden_size": 8}
    assert config["build_optimizer"] == DEFAULTS["build_optimizer"]
    assert "prepare_data" not in config


def test_keys_that_s3prl_takes_without_listing_them_pass():
    config = merged(
        {
            "train": {"keep_num_ckpts": 1},
            "build_batch_sampler": {"valid": {"batch_size": 4}},
            "build_optimizer": {"conf": {"weight_decay": 0.1}},
            "num_workers": 2,
        }
    )
    assert config["num_workers"] == 2
    assert config["build_optimizer"]["conf"] == {"lr": 1e-4, "weight_decay": 0.1}


@pytest.mark.parametrize(
    ("fragment", "message"),
    [
        (
            {"train": {"total_step": 5}},
            r"train\.total_step'.*mean 'train\.total_steps'",
        ),
        ({"trian": {}}, r"'trian'.*mean 'train'"),
        ({"build_batch_sampler": {"train": {"batchsize": 5}}}, r"train\.batch_size'"),
        ({"build_upstream": {"name": "fbank"}}, "'build_upstream' cannot be set"),
        ({"build_model": {"upstream_trainable": True}}, "cannot be set"),
        ({"train": 5}, "'train' is 5; expected keys"),
        ({"train": {"total_steps": 400}}, "eval_step is 500, beyond"),
        ({"train": {"save_step": 0}}, "save_step is 0; expected a positive"),
        ({"train": {"log_step": True}}, "log_step is True; expected a positive"),
        ({"train": {"log_step": "${nothing}"}}, r"nothing.* correct that value"),
        ({"train": {"total_steps": 1e3}}, r"total_steps is 1000\.0"),
    ],
)
def test_what_would_have_no_effect_is_refused(fragment, message):
    with pytest.raises(UserError, match=r"sid\.yaml.*" + message):
        merged(fragment)


def test_speaker_verification_may_set_its_x_vector_and_has_no_eval_step():
    defaults = {k: v for k, v in DEFAULTS.items() if k != "build_downstream"}
    defaults["train"] = {**DEFAULTS["train"], "eval_step": 1e20}
    fragment = {"build_downstream": {"hidden_size": 64}}
    config = merge(defaults, fragment, task_of("asv"))
    assert config["build_downstream"] == {"hidden_size": 64}
    with pytest.raises(UserError, match=r"mean 'build_downstream\.hidden_size'"):
        merge(defaults, {"build_downstream": {"hiddensize": 64}}, task_of("asv"))


def test_missing_or_malformed_fragment_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"sid\.yaml: cannot .* settings of 'sid'"):
        read_fragment(tmp_path, task_of("sid"))
    (tmp_path / "sid.yaml").write_text("- a\n")
    with pytest.raises(UserError, match=r"found a list.* expected 'key: value'"):
        read_fragment(tmp_path, task_of("sid"))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_its_shipped_settings(name):
    assert read_fragment(ROOT / "conf/superb", TASKS[name]) == {}
    demo = read_fragment(ROOT / "conf/superb/demo", TASKS[name])
    assert demo["train"]["total_steps"] <= 1000
    full = read_fragment(ROOT / "conf/superb/full", TASKS[name])
    longer = {key: 5 * demo["train"][key] for key in ("total_steps", "save_step")}
    assert longer == {key: full["train"][key] for key in longer}
    assert {**full, "train": 0} == {**demo, "train": 0}
