"""The systems that a recipe's options describe, in the order of the tables.

Tags and directories follow ESPnet's rule: ``exp/enh_<YAML>_raw<changed arguments>``.
The options must have passed their checks; nothing is checked here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence

from espnet2_ext.denoisers.shipped import SHIPPED
from espnet2_ext.plan.table import (
    DENOISER,
    FIRST_STAGE,
    OBSERVATION_ADDING,
    SYSTEM,
    SystemRow,
    base_name,
)

Options = Mapping[str, str]
SEED_OF_NAME = re.compile(r"_seed(\d+)$")  # of a system trained elsewhere


def words(options: Options, name: str) -> list[str]:
    """Give the words of an option that is a list."""
    return options.get(name, "").split()


def changed_arguments(arguments: str) -> str:
    """Give what ESPnet makes of options in the name of a directory."""
    return re.sub(r"[ |=]", "", arguments.replace("--", "_").replace("/", "_"))


def tag_of(config: str, arguments: str) -> str:
    """Give ESPnet's name of a training: the YAML, ``_raw``, the changed arguments."""
    name = base_name(config or "train", ".yaml")
    return f"{name}_raw{changed_arguments(arguments)}"


def enhanced_prefix(options: Options) -> str:
    """Give the prefix of the directories with enhanced audio."""
    if tag := options.get("inference_tag"):
        return tag
    return base_name(options.get("inference_enh_config") or "enhanced", ".yaml")


def trained_systems(options: Options) -> list[SystemRow]:
    """List the trained systems: each YAML (or directory) with each seed."""
    if "enh_exps" in options:
        return _given_systems(options)
    configs, exps = words(options, "enh_config"), words(options, "enh_exp")
    count = len(configs) or len(exps) or 1
    columns = (configs, exps, words(options, "enh_tag"), words(options, "enh_label"))
    rows = []
    for index in range(count):
        config, exp, tag, label = (c[index] if c else "" for c in columns)
        tag = tag or tag_of(config, options.get("enh_args", ""))
        exp = (
            f"{exp.rstrip('/')}{_speed(options)}" if exp else directory_of(options, tag)
        )
        rows += _with_seeds(options, SystemRow(label or tag, SYSTEM, exp, "", config))
    return rows


def directory_of(options: Options, tag: str) -> str:
    """Give the experiment directory of a tag."""
    return f"{options['expdir']}/enh_{tag}{_speed(options)}"


def _speed(options: Options) -> str:
    return "_sp" if options.get("speed_perturb_factors") else ""


def _with_seeds(options: Options, row: SystemRow) -> list[SystemRow]:
    start = _start(options)
    enhanced = "" if row.kind == FIRST_STAGE else enhanced_prefix(options)
    rows = []
    for seed in words(options, "seeds") or [""]:
        suffix = f"_seed{seed}" if seed else ""
        own = "" if row.kind == FIRST_STAGE else start.replace("SEED", seed)
        exp = row.exp.rstrip("/") + suffix
        rows.append(
            SystemRow(
                *(row.label, row.kind, exp, seed, row.config, own), enhanced=enhanced
            )
        )
    return rows


def _first_exp(options: Options) -> str:
    config = options["init_config"]
    return directory_of(options, tag_of(config, options.get("enh_args", "")))


def has_first_stage(options: Options) -> bool:
    """Tell whether --init_config is trained; a given --init_param replaces it."""
    return bool(options.get("init_config")) and not options.get("init_param")


def _start(options: Options) -> str:
    """Give what the systems start from, with SEED for the number."""
    if not has_first_stage(options):
        name, *parts = options.get("init_param", "").split(":")
        return ":".join([str(SHIPPED.get(name, name)), *parts])
    seed = "_seedSEED" if words(options, "seeds") else ""
    return f"{_first_exp(options)}{seed}/{options['inference_model']}"


def first_stages(options: Options) -> list[SystemRow]:
    """List the trainings of --init_config, one for each seed."""
    if not has_first_stage(options):
        return []
    config = options["init_config"]
    tag = tag_of(config, options.get("enh_args", ""))
    row = SystemRow(tag, FIRST_STAGE, _first_exp(options), "", config)
    return _with_seeds(options, row)


def _given_systems(options: Options) -> list[SystemRow]:
    """List systems trained elsewhere; what is made with them is in --expdir."""
    names = [base_name(exp) for exp in words(options, "enh_exps")]
    labels = words(options, "enh_label") or names
    rows = []
    for name, label in zip(names, labels, strict=True):
        seed = SEED_OF_NAME.search(name)
        exp, number = f"{options['expdir']}/{name}", seed[1] if seed else ""
        rows.append(SystemRow(label, SYSTEM, exp, number, enhanced="enhanced"))
    return rows


def weights(options: Options) -> list[str]:
    """Give the weights of --observation_adding; a weight of 0 is the system itself."""
    return [w for w in words(options, "observation_adding") if float(w) > 0]


def with_observations(
    systems: Sequence[SystemRow], added: Iterable[str]
) -> list[SystemRow]:
    """Put the rows of observation adding after each label's systems.

    Args:
        systems: those with one label stand together.
        added: weights of the noisy audio.
    """
    added = list(added)
    rows = []
    for label, group in itertools.groupby(systems, key=lambda row: row.label):
        seeds = list(group)
        rows += seeds
        rows += [
            SystemRow(
                *(f"{label}+OA{weight}", OBSERVATION_ADDING),
                *(f"{row.exp}_oa{weight}", row.seed),
                made_of=row.row,
                weight=weight,
                enhanced=row.enhanced,
            )
            for weight in added
            for row in seeds
        ]
    return rows


def denoiser_rows(options: Options, labels: Mapping[str, str]) -> list[SystemRow]:
    """List the rows of public denoisers.

    Args:
        options: of the recipe.
        labels: name in the registry -> printed name, of those that are installed.
    """
    enhanced = enhanced_prefix(options)
    return [
        SystemRow(
            *(label, DENOISER, f"{options['expdir']}/denoise_{name}"),
            denoiser=name,
            enhanced=enhanced,
        )
        for name, label in labels.items()
    ]


def list_rows(options: Options, denoisers: Mapping[str, str]) -> list[SystemRow]:
    """List everything that the options describe, in the order of the tables.

    Args:
        options: of the recipe, checked.
        denoisers: as `denoiser_rows`.
    """
    if not {"enh_config", "enh_exps"} & options.keys():
        return []  # a template without systems
    return [
        *first_stages(options),
        *denoiser_rows(options, denoisers),
        *with_observations(trained_systems(options), weights(options)),
    ]
