"""YAMLs, as far as they can be checked without ESPnet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.plan.environment import READERS, TRAINERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.values import hertz, said

YAMLS = (
    *("enh_config", "init_config", "inference_enh_config", "asr_config"),
    *("inference_asr_config", "inference_config", "train_configs"),
)
# models that training keeps: phase and criterion, then which of the best
MODEL = re.compile(r"((?:train|valid)\..+)\.(?:best|ave|ave_\d+best)\.pth")
# options of the model, of the YAMLs, of further words; the stage that trains, and those
# that use the model
MODELS = (
    ("inference_model", "enh_config", "enh_args", 6, (7, 11)),
    ("inference_model", "init_config", "enh_args", 6, (6,)),
    ("inference_asr_model", "asr_config", "asr_args", 11, (12, 14)),
    ("inference_ssl_model", "train_configs", "hubert_args", 7, (5, 8)),
)
SUFFIXES = (".yaml", ".yml")


def check_yamls(plan: Experiment) -> Iterator[str]:
    """Read all YAMLs."""
    if not has(READERS):
        return
    from espnet2_ext.fileio.yaml import read_yaml

    upstreams = [word.partition("=")[0] for word in plan.words("superb_upstreams")]
    files = [(option, path) for option in YAMLS for path in plan.words(option)]
    fragments = [("ssl_conf", path) for path in plan.words("ssl_conf")]
    fragments += [("superb_upstreams", u) for u in upstreams if u.endswith(SUFFIXES)]
    for pairs, read in ((files, read_yaml), (fragments, _fragment)):
        for option, path in pairs:
            if Path(path).is_file():  # else it is refused by itself
                for problem in said(read, path):
                    yield f"--{option}: {problem}"


def _fragment(path: str) -> None:
    if not has(TRAINERS):
        return
    from espnet2_ext.enh.fragment import read_fragment

    read_fragment(path)


def check_rates(plan: Experiment) -> Iterator[str]:
    """Compare the rate of the audio with that which an ``ssl`` loss is told."""
    if not has(READERS) or not plan.runs(5, 6):
        return
    from espnet2_ext.fileio.yaml import read_yaml

    for config in (*plan.words("enh_config"), *plan.words("init_config")):
        try:
            criterions = read_yaml(config).get("criterions")
        except UserError:
            continue  # said by `check_yamls`
        for entry in criterions if isinstance(criterions, list) else ():
            conf = entry.get("conf") if isinstance(entry, dict) else None
            if not isinstance(conf, dict) or entry.get("name") != "ssl":
                continue
            told = conf.get("fs", 16000)
            if told != hertz(plan["fs"]):
                yield (
                    f"--fs: found {plan['fs']}, and {config} has a loss 'ssl' for "
                    f"{told} Hz; expected one rate; write 'fs: {hertz(plan['fs'])}' "
                    "into its conf, or correct --fs."
                )


def check_models(plan: Experiment) -> Iterator[str]:
    """Compare the model that is used with those that the training will keep."""
    for model, configs, words, trains, uses in MODELS:
        name = MODEL.fullmatch(plan[model])
        if not plan.runs(trains) or not plan.runs(*uses) or "criterion" in plan[words]:
            continue
        for config in plan.words(configs) if name and has(READERS) else ():
            kept = _kept_by(config)
            if kept and name and name[1] not in kept:
                yield (
                    f"--{model}: found {plan[model]}, and {config} keeps the best by "
                    f"{', '.join(kept)} alone; expected a model of one of these; "
                    "correct it, or best_model_criterion in the YAML."
                )


def _kept_by(config: str) -> list[str]:
    from espnet2_ext.fileio.yaml import read_yaml

    try:
        criterions = read_yaml(config).get("best_model_criterion")
    except UserError:
        return []  # said by `check_yamls`
    triples = criterions if isinstance(criterions, list) else []
    return [f"{t[0]}.{t[1]}" for t in triples if isinstance(t, list) and len(t) == 3]


RELATIONS = (
    Relation((), check_yamls),
    Relation((), check_models),
    Relation(("enh_config", "fs"), check_rates),
)
