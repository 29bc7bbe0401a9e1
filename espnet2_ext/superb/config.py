"""Settings of a probe: s3prl's defaults, and a small fragment of overrides.

A fragment conf/superb/<task>.yaml uses s3prl's own keys. s3prl merges whatever it is
given; here a key that would have no effect is refused, with the closest match.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.superb.tasks import Task

# what the command line or this package decides
NOT_SETTABLE = (
    *("start", "stop", "target_dir", "cache_dir", "remove_all_cache", "prepare_data"),
    *("build_upstream", "build_model", "test_ckpt_steps", "save_model", "save_task"),
)
SAMPLER = (
    "batch_size",
    "max_length",
    "shuffle",
    "duplicate",
    "seed",
    "in_batch_shuffle",
)
XVECTOR = ("output_size", "hidden_size", "aggregation_size", "dropout_p", "batch_norm")
SPECAUG = ("apply_time_warp", "apply_freq_mask", "apply_time_mask", "time_warp_window")
AUDIO = ("max_secs", "min_secs", "sox_effects")
# keys that s3prl takes though its defaults do not list them
UNLISTED: dict[str, tuple[str, ...]] = {
    "": ("num_workers", "eval_batch", "build_downstream"),
    "train": ("seed", "keep_num_ckpts", "use_scheduler"),
    "build_batch_sampler": ("train", "valid", "test"),
    "build_batch_sampler.train": SAMPLER,
    "build_batch_sampler.valid": SAMPLER,
    "build_batch_sampler.test": SAMPLER,
    "build_dataset.train": AUDIO,
    "build_downstream.specaug_conf": SPECAUG,
    "build_scheduler": ("name", "conf"),
    "build_task": ("decoder",),
    "build_tokenizer": ("vocab_type", "vocab_args"),
}
XVECTOR_KEYS = {"build_downstream": XVECTOR}
ANYTHING = (
    "build_optimizer.conf",
    "build_scheduler.conf",
    "build_tokenizer.vocab_args",
)
DEFAULTS = {"num_workers": 0}  # s3prl: 6, each of which imports torch again


def read_fragment(conf_dir: Path, task: Task) -> dict[str, Any]:
    """Read ``conf_dir/<task>.yaml``; a file of comments only changes nothing.

    Raises:
        UserError: if it is missing or is not a mapping.
    """
    path = conf_dir / f"{task.name}.yaml"
    try:
        return read_yaml(path, empty_ok=True)
    except UserError as error:
        raise UserError(
            f"{error} It holds the settings of '{task.name}': s3prl's keys, "
            "or comments only; look into conf/superb."
        ) from error


def merge(defaults: Mapping[str, Any], fragment: Mapping[str, Any], task: Task) -> dict:
    """Lay a fragment over s3prl's defaults.

    Args:
        defaults: ``default_config()`` of the task's problem class.
        fragment: see `read_fragment`.
        task: for messages, and for what s3prl does not list.

    Returns:
        Plain dicts and lists, without what `NOT_SETTABLE` names (save ``build_model``).

    Raises:
        UserError: for a key that s3prl would not use, or settings that never
            evaluate or never save.
    """
    import omegaconf

    known = {k: v for k, v in defaults.items() if k not in NOT_SETTABLE}
    _check_keys(known, fragment, "", task)
    schema = omegaconf.OmegaConf.create({**known, **DEFAULTS})
    try:
        config: Any = omegaconf.OmegaConf.merge(schema, dict(fragment))
        merged = omegaconf.OmegaConf.to_container(config, resolve=True)
    except omegaconf.errors.OmegaConfBaseException as error:  # e.g. ${of nothing}
        found = str(error).splitlines()[0]
        raise UserError(f"{task.name}.yaml: {found}; correct that value.") from error
    assert isinstance(merged, dict)
    _check_steps(merged["train"], task)
    return {**{str(key): value for key, value in merged.items()}, "build_model": {}}


def _check_keys(
    known: Mapping[str, Any], found: Mapping[str, Any], where: str, task: Task
) -> None:
    more = UNLISTED.get(where, ())
    if task.name == "asv":
        more = (*more, *XVECTOR_KEYS.get(where, ()))
    for key, value in found.items():
        path = f"{where}.{key}" if where else str(key)
        if key in NOT_SETTABLE and not where:
            raise UserError(
                f"{task.name}.yaml: '{key}' cannot be set in a fragment; "
                "the command line gives data, upstream and directories."
            )
        if key not in known and key not in more:
            raise unknown_name(
                f"key in {task.name}.yaml", path, _paths(known, more, where)
            )
        inner = known.get(key)
        nested = isinstance(inner, Mapping) or path in UNLISTED or path in XVECTOR_KEYS
        if nested and not isinstance(value, Mapping):
            raise UserError(f"{task.name}.yaml: '{path}' is {value!r}; expected keys.")
        if nested and path not in ANYTHING:
            _check_keys(inner if isinstance(inner, Mapping) else {}, value, path, task)


def _paths(known: Mapping[str, Any], more: tuple[str, ...], where: str) -> list[str]:
    return [f"{where}.{key}" if where else key for key in {*known, *more}]


def _check_steps(train: Mapping[str, Any], task: Task) -> None:
    total = train["total_steps"]
    step = "eval_step" if task.has_valid else "save_step"
    for name in ("total_steps", step, "save_step", "log_step"):
        if type(train[name]) is not int or train[name] < 1:  # no bool
            raise UserError(
                f"{task.name}.yaml: train.{name} is {train[name]!r}; expected a "
                "positive whole number of steps."
            )
    if train[step] > total:
        raise UserError(
            f"{task.name}.yaml: train.{step} is {train[step]}, beyond "
            f"train.total_steps {total}: no head would be kept; lower it."
        )
