"""YAMLs, as far as they can be checked without ESPnet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.plan.environment import READERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.values import hertz, said

YAMLS = (
    *("enh_config", "init_config", "inference_enh_config", "asr_config"),
    *("inference_asr_config", "inference_config", "train_configs"),
)
SUFFIXES = (".yaml", ".yml")


def check_yamls(plan: Experiment) -> Iterator[str]:
    """Read all YAMLs."""
    if not has(READERS):
        return
    from espnet2_ext.fileio.yaml import read_yaml
    from espnet2_ext.ssl.fragment import read_ssl_fragment

    upstreams = [word.partition("=")[0] for word in plan.words("superb_upstreams")]
    files = [(option, path) for option in YAMLS for path in plan.words(option)]
    fragments = [("ssl_conf", path) for path in plan.words("ssl_conf")]
    fragments += [("superb_upstreams", u) for u in upstreams if u.endswith(SUFFIXES)]
    for pairs, read in ((files, read_yaml), (fragments, read_ssl_fragment)):
        for option, path in pairs:
            if Path(path).is_file():  # else it is refused by itself
                for problem in said(read, path):
                    yield f"--{option}: {problem}"


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


RELATIONS = (
    Relation((), check_yamls),
    Relation(("enh_config", "fs"), check_rates),
)
