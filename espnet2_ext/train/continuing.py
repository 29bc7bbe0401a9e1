"""The options that may change when a training is resumed.

These are the length of the training, the number of models kept, and how the work is
done. None of them changes the result of an epoch that is already trained. A change of
any other option makes another experiment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, brief
from espnet2_ext.fileio.yaml import read_yaml

MAY_CHANGE = (
    # how long, and what is kept
    *("max_epoch", "patience", "early_stopping_criterion", "keep_nbest_models"),
    "nbest_averaging_interval",
    # how the work is done
    *("ngpu", "num_workers", "max_cache_size", "valid_max_cache_size", "max_cache_fd"),
    *("nonfinite", "detect_anomaly", "unused_parameters", "gradient_as_bucket_view"),
    *("dist_backend", "dist_init_method", "dist_launcher", "dist_master_port"),
    # what is shown
    *("log_level", "log_interval", "num_att_plot", "use_matplotlib", "use_tensorboard"),
    *("create_graph_in_tensorboard", "use_wandb", "wandb_project", "wandb_id"),
    *("wandb_entity", "wandb_name", "wandb_model_log_interval"),
)
APART = " apart from what may change"


def hash_apart(path: str) -> str:
    """Digest a training configuration without the options in `MAY_CHANGE`."""
    content = {k: v for k, v in read_yaml(path).items() if k not in MAY_CHANGE}
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def without_what_may_change(words: Sequence[str]) -> list[str]:
    """Remove the options in `MAY_CHANGE` and their values from a command line."""
    kept: list[str] = []
    dropping = False
    for word in words:
        if word.startswith("--"):
            dropping = word[2:].partition("=")[0] in MAY_CHANGE
        if not dropping:
            kept.append(word)
    return kept


def changed_inputs(then: str, now: str, exp_dir: Path) -> list[str]:
    """Compare two fingerprints of a training (`bin.fingerprint`).

    Args:
        then: fingerprint of the training that was started.
        now: fingerprint of what is asked for.
        exp_dir: directory of the training; its config.yaml gives the old options.

    Returns:
        A line for each difference (``<`` then, ``>`` now); none if the training may be
        resumed.
    """
    old, new = then.splitlines(), now.splitlines()
    apart = [line for line in new if line.endswith(APART)]
    configs = [line.partition(" ")[2].removesuffix(APART) for line in apart]
    known = {line.partition(" ")[2] for line in old if line.endswith(APART)}
    for name in configs:
        # a fingerprint of before has the whole file alone
        drop = name if f"{name}{APART}" in known else f"{name}{APART}"
        old, new = ([x for x in xs if x.partition(" ")[2] != drop] for xs in (old, new))
    old, new = (list(map(_option, lines)) for lines in (old, new))
    gone, come = ([x for x in a if x not in b] for a, b in ((old, new), (new, old)))
    lines = [f"< {line}" for line in gone] + [f"> {line}" for line in come]
    for name in configs:
        if any(line.partition(" ")[2].startswith(name) for line in come):
            lines += _options_that_differ(exp_dir / "config.yaml", name)
    return lines


def _option(line: str) -> str:
    if not line.startswith("option "):
        return line
    return " ".join(without_what_may_change(line.split()))


def _options_that_differ(trained: Path, path: str) -> Iterator[str]:
    try:
        then, now = read_yaml(trained), read_yaml(path)
    except UserError:
        return
    for key, value in now.items():
        if key in then and key not in MAY_CHANGE and not _same(then[key], value):
            yield f"  {key}: {brief(then[key])} then, {brief(value)} now"


def _same(then: Any, now: Any) -> bool:
    """Compare two values; ESPnet adds defaults to mappings."""
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        return all(key in then and _same(then[key], now[key]) for key in now)
    return str(then) == str(now)
