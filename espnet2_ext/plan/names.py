"""Directories and tags that a template's stages share, by ESPnet's rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from espnet2_ext.errors import UserError
from espnet2_ext.plan.environment import READERS, TRAINERS, has
from espnet2_ext.plan.stages import left_out, list_asked
from espnet2_ext.plan.systems import Options, changed_arguments, words
from espnet2_ext.plan.table import base_name
from espnet2_ext.plan.values import hertz

OPTIONAL = ("LPS", "SPK_SIM")
MOST_THREADS = 8  # of a training on CPUs; more of them wait for each other
# where none are named; those at the end are left out where their wheels are missing
METRICS = ("SI_SNR", "SDR", "PESQ_WB", "ESTOI", "DNSMOS", "P808", *OPTIONAL)


def with_metrics(options: Options) -> dict[str, str]:
    """Name the signal metrics that judge audio of this rate, unless the user did."""
    rate = hertz(options.get("fs", ""))
    if options.get("scoring_metrics") != "" or rate is None or not has(READERS):
        return dict(options)
    from espnet2_ext.metrics.limits import LIMITS

    chosen = [
        name for name in METRICS if LIMITS[name].lowest_rate <= rate and _is_there(name)
    ]
    return {**options, "scoring_metrics": " ".join(chosen)}


def _is_there(metric: str) -> bool:
    """Tell whether a judge is installed; say so where it is not."""
    if metric not in OPTIONAL or not has(TRAINERS):  # else stage 0 installs it
        return True
    from espnet2_ext.metrics.registry import find_metric

    try:
        find_metric(metric)
    except UserError as error:
        print(f"WARNING: no column {metric}: {error}", file=sys.stderr)
        return False
    return True


def names_of(template: str, options: Options) -> dict[str, str]:
    """Give name -> value of a template's further shell variables.

    Args:
        template: whose options.
        options: name -> value, of all its options; checked.
    """
    own = {"asr": _of_recogniser, "hubert": _of_iterations, "enh_ssl": _of_enhancement}
    names = own[template](options) if template in own else {}
    return {**_of_stages(template, options), **_of_jobs(options), **names}


def _of_stages(template: str, options: Options) -> dict[str, str]:
    """Name the stages that were asked for, and why one is left out."""
    asked = list_asked(template, options)
    reasons = left_out(template, options)
    return {
        "stages": " ".join(map(str, asked)),
        **{f"left_out[{n}]": reasons[n] for n in asked if n in reasons},
    }


def _of_jobs(options: Options) -> dict[str, str]:
    """Name the number of jobs and of threads, and where inference runs."""
    processors = int(options["processors"])
    threads = 1
    if int(options["ngpu"]) == 0 and options["cuda_cmd"].startswith("run.pl"):
        threads = min(processors // int(options.get("train_jobs", "1")), MOST_THREADS)
    gpu = int(options.get("gpu_inference") == "true")
    inference_cmd = options["cuda_cmd" if gpu else "decode_cmd"]
    jobs = processors if options["train_cmd"].startswith("run.pl") else 32
    return {
        "nj": options["nj"] or str(jobs),
        "train_threads": options["train_threads"] or str(max(1, threads)),
        "inference_cmd": f"{inference_cmd} --gpu {gpu}",
        "inference_ngpu": str(gpu),
    }


def _of_enhancement(options: Options) -> dict[str, str]:
    """Name the statistics and the streams of enh_ssl.sh, and a given recogniser."""
    streams = ["wav", *(f"spk{n + 1}" for n in range(int(options["ref_num"])))]
    more = []
    for stream, count in (
        ("noise", "noise_type_num"),
        ("dereverb", "dereverb_ref_num"),
    ):
        if options[f"use_{stream}_ref"] == "true":
            more += [f"{stream}{n + 1}" for n in range(int(options[count]))]
    speed = "_sp" if options["speed_perturb_factors"] else ""
    names = {
        "streams": " ".join(streams),
        "train_streams": " ".join([*streams, *more]),
        "train_files": ";".join(_training_files([*streams, *more], options)),
        "stats": f"{options['expdir']}/enh_stats_{options['fs']}{speed}",
    }
    if options["asr_exp"] or options["asr_model_file"]:
        names["asr_tag"] = options["asr_tag"] or _tag_of_given(options)
    return names


def _training_files(streams: Sequence[str], options: Options) -> Iterator[str]:
    """Yield ``FILE,NAME,TYPE SHAPE FOLD`` of each signal, as espnet2 calls them."""
    kind = "kaldi_ark" if "ark" in options["audio_format"] else "sound"
    fold = int(options["enh_speech_fold_length"]) * 100
    names = {"spk": "speech", "noise": "noise", "dereverb": "dereverb"}
    for stream in streams:
        signal = stream.rstrip("0123456789")
        number = stream.removeprefix(signal)
        name = f"{names[signal]}_ref{number}" if number else "speech_mix"
        yield f"{stream}.scp,{name},{kind} {name}_shape {fold}"


def _of_recogniser(options: Options) -> dict[str, str]:
    """Name the tokens, the experiment, the statistics and the results of asr.sh."""
    kind, lang = options["token_type"], options["lang"]
    spoken = "" if lang == "noinfo" else f"{lang}_"
    part = f"raw_{spoken}{kind}" + (options["nbpe"] if kind == "bpe" else "")
    tokens = f"bpe_{options['bpemode']}{options['nbpe']}" if kind == "bpe" else kind
    token_dir = f"data/{spoken}token_list/{tokens}"
    config = base_name(options["asr_config"] or "train", ".yaml")
    tag = f"{config}_{part}{changed_arguments(options['asr_args'])}"
    decoding = base_name(options["inference_config"] or "inference", ".yaml")
    decoding += changed_arguments(options["inference_args"])
    model = PurePath(options["inference_asr_model"]).with_suffix("")
    tag, expdir = options["asr_tag"] or tag, options["expdir"]
    # ESPnet does not name statistics after the YAML; another frontend has others
    stats = options["asr_stats_dir"] or f"{expdir}/asr_stats_{config}_{part}"
    return {
        "token_dir": token_dir,
        "token_list": f"{token_dir}/tokens.txt",
        "bpemodel": f"{token_dir}/bpe.model" if kind == "bpe" else "none",
        "asr_tag": tag,
        "asr_exp": options["asr_exp"] or f"{expdir}/asr_{tag}",
        "stats": stats,
        "inference_tag": options["inference_tag"] or f"{decoding}_asr_model_{model}",
    }


def _tag_of_given(options: Options) -> str:
    """Name the results of a recogniser that was trained elsewhere."""
    model = PurePath(options["asr_exp"] or options["asr_model_file"])
    model = model.parent if model.suffix == ".pth" else model
    tag = model.name.removesuffix(".zip").removeprefix("asr_")
    config = options["inference_asr_config"]
    return f"{tag}_{base_name(config, '.yaml')}" if config else tag


def _of_iterations(options: Options) -> dict[str, str]:
    """Name the units and the experiment of each iteration of hubert.sh."""
    expdir, names = options["expdir"], {}
    lists = ("features_km", "n_clusters", "train_configs")
    each = zip(*(words(options, name) for name in lists), strict=False)
    for number, (feature, count, config) in enumerate(each):
        units = f"kmeans_iter{number}_{feature}_{count}clusters_{options['train_set']}"
        trained = f"hubert_iter{number}_{base_name(config, '.yaml')}_raw"
        names[f"km_dirs[{number}]"] = f"{expdir}/{units}"
        names[f"ssl_exps[{number}]"] = f"{expdir}/{trained}"
    return names
