"""Every option of a template has a check; wrong values are named, right ones pass."""

from __future__ import annotations

import pytest

from espnet2_ext.plan.check import check_value, plan_experiment
from espnet2_ext.plan.options import OPTIONS, check_of
from espnet2_ext.plan.stages import STAGES
from tests.plan.recipes import MACHINE, SCRIPTS, option_list, options_of, stages_in


@pytest.mark.parametrize("template", SCRIPTS)
def test_every_option_of_a_template_has_a_check(template):
    names = option_list(template)
    assert len(names) > 25
    assert [name for name in names if check_of(template, name) is None] == []


def test_every_check_belongs_to_an_option():
    names = {name for template in SCRIPTS for name in option_list(template)}
    assert OPTIONS.keys() - names == MACHINE.keys()


@pytest.mark.parametrize("template", SCRIPTS)
def test_the_stages_are_those_of_the_template(template):
    numbers, skips = stages_in(template)
    stages = STAGES[template]
    shared = {0, 4} & set(stages.numbers)  # steps/begin.sh, steps/data.sh
    assert numbers | shared == set(stages.numbers)
    there = {option: said & set(stages.numbers) for option, said in skips.items()}
    assert there == {option: set(found) for option, found in stages.skips.items()}
    options = option_list(template)
    assert {name for name in options if name.startswith("skip_")} == set(skips)


# Further words of run.sh with which each recipe has something to do to its last stage.
RIGHT = {
    "enh_ssl": [
        ("--stage", "1"),
        ("--budget", "full", "--stage", "9", "--skip_downstream", "false"),
        ("--denoisers", "rnnoise dtln", "--observation_adding", "0.1 0.30"),
        ("--seeds", "", "--inference_tag", "louder", "--skip_downstream", "true"),
        ("--skip_data_prep", "true", "--stage", "1", "--nj", "4", "--fs", "16000"),
        ("--enh_args", "--max_epoch 3 --batch_size 2", "--stop_stage", "6"),
    ],
    "asr": [(), ("--token_type", "bpe", "--stage", "10"), ("--frontend", "whisper")],
    "hubert": [(), ("--stage", "7", "--train_start_iter", "1")],
    "superb": [
        ("--stop_stage", "14"),
        ("--enh_exps", "../a ../b", "--stop_stage", "3"),
    ],
}


@pytest.mark.parametrize(
    ("template", "words"),
    [(template, words) for template, sets in RIGHT.items() for words in sets],
    ids=str,
)
def test_the_options_of_shipped_recipes_pass(template, words, enter):
    options = options_of(enter(template), *words)
    plan_experiment(template, options, dry_run=False)


@pytest.mark.parametrize("template", SCRIPTS)
def test_a_clean_clone_passes_before_its_environment_is_made(
    template, enter, no_environment
):
    words = ("--stop_stage", "14") if template == "superb" else ()
    options = options_of(enter(template), *words, "--python", "python3")
    plan_experiment(template, options, dry_run=False)


WRONG = {
    "stage": ("abc", "-1", "1.5", "", "0x1", "٣"),
    "nj": ("0", "-2", "many"),
    "ngpu": ("abc", "-1"),
    "num_nodes": ("0", ""),
    "skip_train": ("maybe", ""),
    "skip_downstream": ("no",),
    "expdir": ("", "my exp"),
    "python": ("", "/nosuch/python"),
    "train_cmd": ("foo.pl",),
    "train_set": ("", "a b", "a/b"),
    "test_sets": ("", "a a"),
    "speed_perturb_factors": ("0.9 x", "1 1.0", "0", "inf"),
    "audio_format": ("mp3", ""),
    "fs": ("16x", "", "0", "16", "nan", "999k"),
    "max_wav_duration": ("abc", "-1", "nan", "inf", ""),
    "ref_num": ("0", "abc"),
    "enh_config": ("nosuch.yaml", "."),
    "enh_tag": ("a/b",),
    "enh_args": ("max_epoch 3",),
    "seeds": ("a b", "0 0", "0 00", "-1", "1.0", "4294967296"),
    "init_param": ("a:b:c:d:e", ":encoder"),
    "inference_model": ("",),
    "inference_tag": ("a/b", "a b"),
    "scoring_metrics": ("SI_SNR FOO", "SDR SDR"),
    "recognisers": ("siri",),
    "denoisers": ("foo", "dtln dtln"),
    "observation_adding": ("1.5", "-0.1", "0.1 0.1", "x", "1e-1"),
    "superb_tasks": ("pr xyz",),
    "superb_upstreams": ("fbank=", "=pr", "fbank=xyz", "nosuch.yaml", "fbank fbank"),
    "bpe_char_cover": ("0", "1.1", "x"),
    "token_type": ("phone",),
    "features_km": ("mel",),
    "n_clusters": ("0",),
    "portion_km": ("0", "2"),
    "snr": ("", "5 loud", "inf"),
    "noise_corpora": ("nose",),
    "noise_seed": ("-1",),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG.items() for value in values],
)
def test_a_wrong_value_is_named_with_its_option(name, value):
    problems = list(check_value("enh_ssl", name, value))
    assert problems
    for problem in problems:
        assert problem.startswith(f"--{name}: ")
        assert "expected" in problem


@pytest.mark.parametrize("value", ["a\tb", "a\nb", "a\u00a0b", "\udc80", "\0"])
def test_signs_that_no_list_can_hold_are_refused(value):
    (problem,) = check_value("enh_ssl", "local_data_opts", value)
    assert "printable" in problem


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("scoring_metrics", "ESTOY", "'ESTOI'"),
        ("recognisers", "pocketsphynx", "'pocketsphinx'"),
        ("denoisers", "rnoise", "'rnnoise'"),
        ("noise_corpora", "demnd", "'demand'"),
    ],
)
def test_a_typing_error_gets_a_suggestion(name, value, meant):
    (problem,) = check_value("superb", name, value)
    assert f"Did you mean {meant}?" in problem
