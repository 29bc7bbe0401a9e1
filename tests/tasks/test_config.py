"""A configuration is refused in one line, or ESPnet accepts it."""

import copy

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.tasks.config import check_config
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.conftest import ROOT
from tests.tasks.conftest import SMALL, SNR
from tests.tiny_checkpoints import write_init_param

SSL = {
    "name": "ssl",
    "conf": {"upstream": "whisper_tiny_en", "layers": [1, 2]},
    "wrapper": "fixed_order_with_lengths",
    "wrapper_conf": {"weight": 10.0},
}
GOOD = {
    **SMALL,
    "optim": "adam",
    "optim_conf": {"lr": 1e-3},
    "scheduler": "steplr",
    "scheduler_conf": {"step_size": 1},
    "criterions": [SNR, SSL],
}


def changed(**changes):
    """Give the good configuration with other values; ``a__b`` is b within a."""
    config = copy.deepcopy(GOOD)
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        if inner:
            config[outer][inner] = value
        else:
            config[outer] = value
    return config


def loss(**changes):
    return {**SNR, **changes}


def test_good_configuration_is_accepted():
    check_config(GOOD)


@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("egs2/*/enh_ssl1/conf/tuning/train_*.yaml")),
    ids=lambda p: p.stem,
)
def test_every_shipped_configuration_is_accepted(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_init_param(read_yaml(path), tmp_path)
    check_config(path)


def test_check_leaves_the_random_state_and_the_configuration_alone():
    config, state = changed(separator="rnn", separator_conf={}), torch.get_rng_state()
    before = copy.deepcopy(config)
    check_config(config)
    assert config == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # options
        ({"max_epok": 3}, "Unknown option 'max_epok'.*Did you mean 'max_epoch'"),
        ({"max_epoch": "ten"}, "max_epoch: found 'ten'; expected a whole number"),
        ({"max_epoch": 2.5}, r"max_epoch: found 2\.5; expected a whole number"),
        ({"max_epoch": None}, "max_epoch: found None; expected a whole number"),
        ({"max_epoch": 0}, "max_epoch: found 0; expected at least 1"),
        ({"batch_size": -1}, "batch_size: found -1; expected at least 1"),
        ({"batch_size": True}, "batch_size: found True; expected a whole number"),
        ({"batch_size": [4]}, r"batch_size: found \[4\]; expected a whole number"),
        ({"accum_grad": 0}, "accum_grad: found 0; expected at least 1"),
        ({"num_workers": -1}, "num_workers: found -1; expected at least 0"),
        ({"seed": 2**32}, "seed: found 4294967296; expected at most"),
        ({"grad_clip": -1}, "grad_clip: found -1; expected more than 0"),
        ({"grad_clip": float("nan")}, "grad_clip: found nan; expected a number"),
        ({"batch_type": "fold"}, "Unknown batch_type 'fold'.*Did you mean 'folded'"),
        ({"iterator_type": "none"}, "Unknown iterator_type 'none'.*sequence"),
        ({"chunk_length": "4 s"}, "chunk_length: found '4 s'; expected samples"),
        ({"chunk_length": 0}, "chunk_length: found 0; expected at least 1"),
        ({"use_amp": "maybe"}, "use_amp: found 'maybe'; expected true or false"),
        ({"use_amp": 3}, "use_amp: found 3; expected true or false"),
        ({"sharded_ddp": True}, "sharded_ddp: found True; .* fairscale is not"),
        ({"keep_nbest_models": -1}, "keep_nbest_models: found -1; expected at least"),
        ({"keep_nbest_models": ["a"]}, "keep_nbest_models: found 'a'; expected whole"),
        ({"init": "xavier"}, "Unknown init 'xavier'.*xavier_normal"),
        ({"nonfinite": "ignore"}, "Unknown nonfinite 'ignore'"),
        ({"freeze_param": "encoder"}, "freeze_param: found 'encoder'; expected a list"),
        ({"freeze_param": ["decoder.x"]}, r"part of the model in .*'decoder\.x'"),
        ({"use_amp": True, "use_tf32": True}, "use_amp, use_tf32: found both"),
        # the parts
        ({"separator": "tcm"}, "Unknown separator 'tcm'.*Did you mean 'tcn'"),
        ({"separator": None}, "Unknown separator 'None'.*tcn"),
        ({"separator": ["tcn"]}, r"separator: found \['tcn'\]; expected text"),
        ({"encoder": "sftt"}, "Unknown encoder 'sftt'.*Did you mean 'stft'"),
        ({"decoder": "sftt"}, "Unknown decoder 'sftt'.*Did you mean 'stft'"),
        (
            {"separator": "tcn_nomask", "mask_module": "mulit_mask"},
            "Unknown mask_module 'mulit_mask'.*Did you mean 'multi_mask'",
        ),
        ({"separator_conf": None}, "separator_conf: found None; expected 'name: val"),
        ({"separator_conf__layers": 3}, "separator_conf of 'tcn' 'layers'.*'layer'"),
        ({"separator_conf__layer": "3"}, "separator_conf of 'tcn', layer: found '3'"),
        ({"separator_conf__layer": 2.0}, r"layer: found 2\.0; expected a whole number"),
        ({"separator_conf__layer": True}, "layer: found True; expected a whole"),
        ({"separator_conf__causal": "false"}, "causal: found 'false'; expected true"),
        ({"separator_conf__hidden_dim": -8}, "separator_conf of 'tcn': cannot be used"),
        ({"separator_conf__nonlinear": "tan"}, "ValueError: Not supporting nonlinear"),
        ({"encoder_conf__nfft": 3}, "encoder_conf of 'stft' 'nfft'.*mean 'n_fft'"),
        ({"encoder_conf__window": "han"}, "encoder_conf of 'stft': cannot be used"),
        ({"decoder_conf__hop_len": 3}, "decoder_conf of 'stft' 'hop_len'.*_length'"),
        ({"model_conf": {"losstype": "x"}}, "model_conf 'losstype'.*'loss_type'"),
        (
            {"preprocessor": "enh", "preprocessor_conf": {"num_speakers": 1}},
            "key in preprocessor_conf 'num_speakers'; .*'num_spk'",
        ),
        # optimiser and scheduler
        ({"optim": "adm"}, "Unknown optim 'adm'.*Did you mean 'adam'"),
        ({"optim": "lbfgs"}, "optim_conf of 'lbfgs': cannot be used"),
        ({"optim_conf__lr": "1e-3"}, "lr: found '1e-3' .*write 1.0e-3.*a number"),
        ({"optim_conf__lr": -1}, "optim_conf of 'adam': cannot be used .*Invalid lear"),
        ({"optim_conf__learning_rate": 1}, "optim_conf of 'adam' 'learning_rate'"),
        ({"optim_conf__betas": 0.9}, "optim_conf of 'adam': cannot be used"),
        ({"scheduler": "step"}, "Unknown scheduler 'step'.*Did you mean 'steplr'"),
        ({"scheduler_conf": {}}, "scheduler_conf of 'steplr': 'step_size' is missing"),
        ({"scheduler_conf__step_size": 0}, "scheduler_conf of 'steplr': cannot be"),
        ({"scheduler_conf__gama": 1}, "'gama'.*Did you mean 'gamma'"),
        ({"scheduler": None}, "scheduler_conf: found .* without a scheduler"),
        # losses
        ({"criterions": [loss(), loss()]}, "two losses with 'name: snr_loss'"),
        (
            {"criterions": [loss(), loss(conf={"name": "loss"})]},
            "two losses with 'name: loss'",
        ),
        ({"criterions": [loss(conf={"eps": "1e-8"})]}, "eps: found '1e-8' .*1.0e-3"),
        ({"criterions": [loss(wrapper="dpcl")]}, None),
        ({"criterions": [loss(name=["snr"])]}, "Unknown criterion"),
        ({"criterions": [{**loss(), 5: 1}]}, "Unknown key in criterions, entry 1 '5'"),
        (
            {"criterions": [{**SSL, "conf": {"upstream": ["a"]}}]},
            "upstream.*found .*'a'.*expected text",
        ),
        (
            {"criterions": [{**SSL, "conf": {**SSL["conf"], "extra_conf": 3}}]},
            "extra_conf must .*found 3",
        ),
        (
            {
                "criterions": [
                    {**SSL, "conf": {**SSL["conf"], "extra_conf": {"lagecy": 1}}}
                ]
            },
            "key in extra_conf of 'whisper_tiny_en' 'lagecy'",
        ),
        # what the best model is chosen by
        ({"best_model_criterion": [["valid", "los", "min"]]}, "'los'.*mean 'loss'"),
        ({"best_model_criterion": [["vali", "loss", "min"]]}, "phase in best_model"),
        ({"best_model_criterion": [["valid", "loss", "mim"]]}, "mode of .*'mim'"),
        ({"best_model_criterion": ["valid", "loss", "min"]}, "expected three words"),
        ({"best_model_criterion": []}, "best_model_criterion: found .*one at least"),
        ({"best_model_criterion": [["valid", "acc", "max"]]}, r"\('valid'\) 'acc'"),
        (
            {"best_model_criterion": [["valid", "ssl_loss_lo1", "min"]]},
            "'ssl_loss_lo1'",
        ),
        (
            {"patience": 3, "early_stopping_criterion": ["valid", "x", "min"]},
            "key in early_stopping_criterion .* 'x'",
        ),
        ({"val_scheduler_criterion": ["valid", "x"]}, "key in val_scheduler_criter"),
        # what the training starts from
        ({"init_param": ["none.pth"]}, "init_param 'none.pth': no such file"),
        ({"init_param": "a.pth"}, "init_param: found 'a.pth'; expected a list"),
        ({"init_param": ["a:b:c:d:e"]}, "init_param: found 'a:b:c:d:e'"),
    ],
)
def test_wrong_value_is_one_line(changes, message):
    if message is None:
        check_config(changed(**changes))
        return
    with pytest.raises(UserError, match=message) as caught:
        check_config(changed(**changes))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 800


@pytest.mark.parametrize(
    "changes",
    [
        {"best_model_criterion": [["valid", "snr_loss", "min"]]},
        {"best_model_criterion": [["valid", "ssl_loss_l02", "min"]]},
        {
            "best_model_criterion": [
                ["valid", "si_snr", "max"],
                ["valid", "loss", "min"],
            ]
        },
        {"init": "None", "patience": "none", "grad_clip": float("inf")},
        {"keep_nbest_models": [1, 5], "chunk_length": "16000,32000-48000"},
        {"use_amp": "true", "max_epoch": "10", "separator": "TCN"},
    ],
    ids=repr,
)
def test_what_espnet_reads_as_it_is_meant_is_accepted(changes):
    check_config(changed(**changes))


def test_espnets_own_default_criterion_is_accepted():
    config = changed()
    del config["best_model_criterion"]
    check_config(config)


def test_message_names_the_file_and_its_line(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(yaml.safe_dump(changed(max_epoch="ten")))
    with pytest.raises(UserError, match=rf"^{path}: max_epoch: found 'ten'"):
        check_config(path)
    path.write_text("max_epoch: 1\nmax_epoch: 2\n")
    with pytest.raises(UserError, match=rf"^{path}:2: found 'max_epoch' twice"):
        check_config(path)


def test_options_of_the_command_line_count(capsys):
    with pytest.raises(UserError, match=r"Unknown separator|separator_conf of 'rnn'"):
        check_config(GOOD, ["--separator", "rnn"])
    with pytest.raises(UserError, match=r"--max_epoch: invalid int value: 'ten'"):
        check_config(GOOD, ["--max_epoch", "ten"])
    with pytest.raises(UserError, match="unrecognized arguments: --max_epok"):
        check_config(GOOD, ["--max_epok", "3"])
    assert capsys.readouterr().err == ""


# random mutations of good configurations

SHIPPED = ROOT / "egs2/debian_speech/enh_ssl1/conf/tuning"
BASES = [GOOD] + [
    yaml.safe_load((SHIPPED / f"train_enh_{name}.yaml").read_text())
    for name in ("tcn_warm_snr_whisper_early", "convtasnet_small_snr_hubert")
]
VALUES = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 3, 2.5, 1e-3, "1e-3", "", "ten", "none", "true"),
        *(float("nan"), float("inf"), [], [1], ["a"], {}, {"a": 1}, {1: 2}, "loss"),
        *("snr", "rnn", "conv", "same", "sgd", "pit", "warmuplr", "all", "mse", 10**30),
    ]
)


def places(node, above=()):
    """List the paths of everything in a nested value."""
    items = []
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    for key, value in items:
        yield (*above, key)
        yield from places(value, (*above, key))


@st.composite
def mutations(draw):
    config = copy.deepcopy(draw(st.sampled_from(BASES)))
    for _ in range(draw(st.integers(1, 2))):
        found = list(places(config))
        *above, key = draw(st.sampled_from(found))
        parent = config
        for step in above:
            parent = parent[step]
        kind = draw(st.sampled_from(["replace", "replace", "remove", "rename", "add"]))
        if kind == "remove":
            del parent[key]
        elif kind == "rename" and isinstance(parent, dict):
            parent[f"{key}s"] = parent.pop(key)
        elif kind == "add" and isinstance(parent, dict):
            parent[draw(st.sampled_from(["name", "extra", "eps", "dropout", 7]))] = 1
        else:
            parent[key] = draw(VALUES)
    return config


@given(mutations())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_configuration_is_refused_in_a_message_or_espnet_accepts_it(
    tmp_path_factory, config
):
    tmp = tmp_path_factory.getbasetemp()
    path = tmp / "random.yaml"
    path.write_text(yaml.safe_dump(config))
    try:
        check_config(path)
    except UserError:
        return
    words = ["--config", str(path), "--output_dir", str(tmp / "exp")]
    SSLEnhancementTask.main(cmd=[*words, "--dry_run", "true", "--ngpu", "0"])
