"""The check of each option, by its name.

Templates share most of their options. What an option means elsewhere in one template
stands in `OF_TEMPLATE`. A new template needs no more than its names here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from espnet2_ext.plan import registries
from espnet2_ext.plan.values import (
    Check,
    anything,
    choice,
    each,
    factors,
    flag,
    name,
    needed,
    once,
    optional,
    program,
    rate,
    readable,
    real_number,
    repository,
    seeds,
    start_model,
    table_text,
    training_words,
    weights,
    whole_number,
    wrapper,
    yaml_file,
)

TEMPLATES = ("enh_ssl", "asr", "hubert", "superb")
positive, from_zero = whole_number(1), whole_number(0)
share = real_number(above=0, at_most=1)
a_set = needed(name, "the name of a set in data/")
AUDIO = choice("wav", "flac", "wav.ark", "flac.ark")

# Of this machine and its cluster; all templates have them.
RUNNING: Mapping[str, Check] = {
    **dict.fromkeys(("stage", "stop_stage", "ngpu"), from_zero),
    **dict.fromkeys(("num_nodes", "train_jobs", "processors"), positive),
    **dict.fromkeys(("nj", "inference_nj", "train_threads"), optional(positive)),
    **dict.fromkeys(
        (
            *("skip_data_prep", "skip_train", "skip_eval", "skip_packing"),
            *(
                "skip_upload_hf",
                "skip_downstream",
                "dry_run",
                "resume_jobs",
                "gpu_inference",
            ),
        ),
        flag,
    ),
    **dict.fromkeys(("dumpdir", "expdir"), table_text),
    "python": program,
    **dict.fromkeys(("train_cmd", "cuda_cmd", "decode_cmd"), wrapper),
}
DATA: Mapping[str, Check] = {
    **dict.fromkeys(("train_set", "valid_set", "superb_test_set"), a_set),
    "test_sets": needed(once(name), "the names of sets in data/"),
    **dict.fromkeys(("local_data_opts", "local_superb_opts"), anything),
    "speed_perturb_factors": factors,
    "audio_format": AUDIO,
    "fs": rate,
    **dict.fromkeys(("min_wav_duration", "max_wav_duration"), real_number(0)),
    **dict.fromkeys(("ref_num", "noise_type_num", "dereverb_ref_num"), positive),
    **dict.fromkeys(("use_noise_ref", "use_dereverb_ref", "eval_valid_set"), flag),
}
ENHANCEMENT: Mapping[str, Check] = {
    "enh_config": each(yaml_file),
    "enh_label": anything,
    "enh_tag": each(name),
    "enh_exp": each(table_text),
    "enh_args": training_words,
    "seeds": seeds,
    "init_config": optional(yaml_file),
    "init_param": optional(start_model),
    "enh_speech_fold_length": positive,
    "inference_model": needed(table_text, "a model's file"),
    "inference_args": training_words,
    "inference_enh_config": optional(yaml_file),
    "inference_tag": optional(name),
    "scoring_metrics": once(registries.metric),
    "recognisers": once(registries.recogniser),
    "ssl_conf": once(yaml_file),
    "versa_config": optional(partial(readable, "VERSA's YAML")),
    "observation_adding": weights,
    "denoisers": once(registries.denoiser),
    "report_by": once(name),
    "hf_repo": optional(repository),
}
DOWNSTREAM: Mapping[str, Check] = {
    # looked for when a recogniser decodes
    **dict.fromkeys(
        ("asr_exp", "asr_model_file", "asr_config", "inference_asr_config"),
        optional(table_text),
    ),
    "asr_tag": optional(name),
    "inference_asr_model": needed(table_text, "a model's file"),
    "inference_asr_args": training_words,
    "asr_test_sets": once(name),
    "superb_tasks": each(registries.task),
    "superb_dir": table_text,
    "superb_upstreams": once(registries.upstream),
    "superb_conf": optional(table_text),
}
RECOGNITION: Mapping[str, Check] = {
    "lang": name,
    "token_type": choice("char", "bpe"),
    "nbpe": positive,
    "bpemode": choice("unigram", "bpe", "char", "word"),
    "bpe_char_cover": share,
    "bpe_nlsyms": anything,
    "asr_args": training_words,
    "asr_stats_dir": optional(table_text),
    "feats_normalize": choice("global_mvn", "utterance_mvn"),
    **dict.fromkeys(("asr_speech_fold_length", "asr_text_fold_length"), positive),
    "inference_config": optional(yaml_file),
    "cleaner": needed(name, "the name of ESPnet's text cleaner, or none"),
}
PRETRAINING: Mapping[str, Check] = {
    **dict.fromkeys(("train_start_iter", "train_stop_iter"), from_zero),
    "n_clusters": each(positive),
    "features_km": each(choice("mfcc", "hubert")),
    "layers_km": each(from_zero),
    "portion_km": share,
    "train_configs": each(yaml_file),
    "hubert_args": training_words,
    "inference_ssl_model": needed(table_text, "a model's file"),
    "warm_start": flag,
}
JUDGING: Mapping[str, Check] = {
    "enh_exps": once(table_text),
    "noise_corpora": once(registries.noise_corpus),
    "snr": needed(each(real_number()), "numbers in dB, as '0 5 10'"),
    "noise_seed": from_zero,
}
OPTIONS: Mapping[str, Check] = {
    **RUNNING,
    **DATA,
    **ENHANCEMENT,
    **DOWNSTREAM,
    **RECOGNITION,
    **PRETRAINING,
    **JUDGING,
}
OF_TEMPLATE: Mapping[str, Mapping[str, Check]] = {
    "asr": {"asr_config": optional(yaml_file)},
    "superb": {
        "audio_format": choice("wav", "flac"),  # the probes read no archives
        "superb_tasks": needed(each(registries.task), "tasks, as 'asr pr ks'"),
    },
}


def check_of(template: str, option: str) -> Check | None:
    """Give the check of an option; None if it has none."""
    return OF_TEMPLATE.get(template, {}).get(option) or OPTIONS.get(option)
