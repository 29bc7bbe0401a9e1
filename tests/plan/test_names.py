"""Names that stages share: those that the shell made before the plan took over."""

from __future__ import annotations

import pytest

from espnet2_ext.plan.names import names_of, with_metrics
from tests.plan.recipes import MACHINE, option_list


def names(template, **given):
    options = {**option_list(template), **MACHINE, **given}
    found = names_of(template, {**options, "python": "python3"})
    return {key: value for key, value in found.items() if value != options.get(key)}


def test_tokens_experiment_and_statistics_follow_espnets_rule():
    found = names("asr", asr_config="conf/train_a.yaml", asr_args="--max_epoch 3")
    assert found["token_dir"] == "data/token_list/bpe_unigram30"
    assert found["token_list"] == "data/token_list/bpe_unigram30/tokens.txt"
    assert found["bpemodel"] == "data/token_list/bpe_unigram30/bpe.model"
    assert found["asr_tag"] == "train_a_raw_bpe30_max_epoch3"
    assert found["asr_exp"] == "exp/asr_train_a_raw_bpe30_max_epoch3"
    assert found["stats"] == "exp/asr_stats_train_a_raw_bpe30"
    assert found["inference_tag"] == "inference_asr_model_valid.acc.ave"


def test_characters_language_and_decoding_name_their_own():
    found = names(
        "asr",
        token_type="char",
        lang="ru",
        inference_config="conf/decode.yaml",
        inference_args="--beam_size 10",
        inference_asr_model="valid.cer.best.pth",
    )
    assert found["token_dir"] == "data/ru_token_list/char"
    assert found["bpemodel"] == "none"
    assert found["asr_exp"] == "exp/asr_train_raw_ru_char"
    assert found["inference_tag"] == "decode_beam_size10_asr_model_valid.cer.best"


def test_what_the_user_names_stays():
    given = {"asr_exp": "e/x", "asr_stats_dir": "e/s", "inference_tag": "t"}
    found = names("asr", **given, asr_tag="mine")
    assert found["stats"] == "e/s"
    assert not {"asr_exp", "inference_tag", "asr_tag"} & found.keys()


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        ({"asr_exp": "../asr1/exp/asr_train_x"}, "train_x"),
        ({"asr_exp": "../asr1/exp/asr_x/", "inference_asr_config": "c/d.yaml"}, "x_d"),
        ({"asr_model_file": "exp/asr_y/valid.acc.ave.pth"}, "y"),
        ({"asr_model_file": "models/asr_z.zip"}, "z"),
    ],
)
def test_results_are_named_after_the_given_recogniser(given, tag):
    assert names("enh_ssl", **given)["asr_tag"] == tag
    assert "asr_tag" not in names("enh_ssl", **given, asr_tag="mine")
    assert "asr_tag" not in names("enh_ssl")


def test_streams_and_statistics_of_enhancement():
    found = names("enh_ssl", ref_num="2", use_noise_ref="true", fs="8k")
    assert found["streams"] == "wav spk1 spk2"
    assert found["train_streams"] == "wav spk1 spk2 noise1"
    assert found["train_files"].split(";") == [
        f"{stream}.scp,{name},sound {name}_shape 80000"
        for stream, name in (
            ("wav", "speech_mix"),
            ("spk1", "speech_ref1"),
            ("spk2", "speech_ref2"),
            ("noise1", "noise_ref1"),
        )
    ]
    assert found["stats"] == "exp/enh_stats_8k"
    found = names("enh_ssl", speed_perturb_factors="0.9 1.1")
    assert (found["stats"], found["train_streams"]) == (
        "exp/enh_stats_16k_sp",
        "wav spk1",
    )


def test_every_iteration_has_its_units_and_its_experiment():
    found = names(
        "hubert", train_set="tr", train_configs="c/a.yaml c/b.yaml", n_clusters="50 90"
    )
    assert found["km_dirs[0]"] == "exp/kmeans_iter0_mfcc_50clusters_tr"
    assert found["km_dirs[1]"] == "exp/kmeans_iter1_hubert_90clusters_tr"
    assert found["ssl_exps[0]"] == "exp/hubert_iter0_a_raw"
    assert found["ssl_exps[1]"] == "exp/hubert_iter1_b_raw"


@pytest.mark.parametrize(
    ("given", "jobs", "threads"),
    [
        ({"ngpu": "0"}, "2", "2"),
        ({"ngpu": "0", "train_jobs": "2"}, "2", "1"),
        ({"ngpu": "0", "processors": "64"}, "64", "8"),
        ({"ngpu": "1"}, "2", "1"),
        ({"ngpu": "0", "train_cmd": "slurm.pl", "cuda_cmd": "slurm.pl"}, "32", "1"),
    ],
)
def test_jobs_and_threads_share_this_machine_and_leave_a_cluster_to_itself(
    given, jobs, threads
):
    found = names("enh_ssl", **given)
    assert (found["nj"], found["train_threads"]) == (jobs, threads)
    own = names("enh_ssl", **given, nj="5", train_threads="3")
    assert not {"nj", "train_threads"} & own.keys()


def test_inference_runs_where_it_was_asked_for():
    found = names("enh_ssl", cuda_cmd="slurm.pl --mem 9G", gpu_inference="true")
    assert found["inference_cmd"] == "slurm.pl --mem 9G --gpu 1"
    assert found["inference_ngpu"] == "1"
    assert names("enh_ssl")["inference_cmd"] == "run.pl --gpu 0"


def test_stages_that_are_left_out_are_named_with_the_option():
    found = names("enh_ssl", stage="4", stop_stage="7", skip_train="true")
    assert found["stages"] == "4 5 6 7"
    left = {key: value for key, value in found.items() if key.startswith("left_out")}
    assert left == {f"left_out[{n}]": "--skip_train true" for n in (5, 6)}
    found = names("enh_ssl", stage="6", ref_num="2", skip_packing="false")
    left = {key: value for key, value in found.items() if key.startswith("left_out")}
    reason = "--ref_num 2, and one speaker is judged"
    assert left.pop("left_out[12]") == "--skip_upload_hf true"
    assert left == {f"left_out[{n}]": reason for n in (8, 9, 10, 13, 14, 15)}


def test_a_judge_whose_wheel_is_gone_costs_its_column_alone(monkeypatch, capsys):
    from espnet2_ext.errors import UserError
    from espnet2_ext.metrics import registry

    found = registry.find_metric

    def find(name):
        if name == "LPS":
            raise UserError("metric LPS needs hama, which is not installed.")
        return found(name)

    monkeypatch.setattr(registry, "find_metric", find)
    options = {"fs": "16k", "scoring_metrics": ""}
    chosen = with_metrics(options)["scoring_metrics"].split()
    assert chosen == ["SI_SNR", "SDR", "PESQ_WB", "ESTOI", "DNSMOS", "P808", "SPK_SIM"]
    said = capsys.readouterr().err
    assert (
        said
        == "WARNING: no column LPS: metric LPS needs hama, which is not installed.\n"
    )
    named = with_metrics({**options, "scoring_metrics": "LPS"})
    assert named["scoring_metrics"] == "LPS"  # refused, where it is asked for by name
    assert "PESQ_WB" not in with_metrics({**options, "fs": "8k"})["scoring_metrics"]
