"""Make a trained system independent of this package and of s3prl.

``criterions:`` and ``preprocessor:`` of the configuration change: ESPnet builds them at
inference too, and a plain ESPnet does not know ours. The weights are as they were.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import load_weights
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.fileio.yaml import read_yaml

if TYPE_CHECKING:
    from torch import Tensor

OURS = {"ssl"}  # criteria
OUR_PREPROCESSOR = "on_the_fly"
PLAIN = {
    "name": "snr",
    "conf": {},
    "wrapper": "fixed_order",
    "wrapper_conf": {"weight": 1.0},
}


def portable_config(config: dict) -> dict:
    """Drop our parts from a training configuration; keep everything else."""
    kept = [c for c in config.get("criterions", []) if c["name"] not in OURS]
    changed: dict = {"criterions": kept or [PLAIN]}
    if config.get("preprocessor") == OUR_PREPROCESSOR:
        changed |= {"preprocessor": None, "preprocessor_conf": {}}
    return {**config, **changed}


def is_portable(config: dict) -> bool:
    """Tell whether plain ESPnet can build a training configuration."""
    losses = {criterion["name"] for criterion in config.get("criterions", [])}
    return not OURS & losses and config.get("preprocessor") != OUR_PREPROCESSOR


def export(
    exp_dir: Path,
    model_file: str,
    check: Callable[[dict, dict], None] | None = None,
    half: bool = False,
) -> Path:
    """Write ``exp_dir/portable/{config.yaml,model.pth}`` for plain ESPnet.

    Args:
        exp_dir: experiment directory with ``config.yaml``.
        model_file: weights in it, e.g. ``valid.loss.best.pth``.
        check: called with configuration and weights before anything is written.
        half: write weights of 16 bits, which takes half the place.

    Returns:
        The directory written.

    Raises:
        UserError: if the configuration or the weights are missing, or are none.
    """
    config_file, weights = exp_dir / "config.yaml", exp_dir / model_file
    for path in (config_file, weights):
        if not path.is_file():
            raise UserError(
                f"{path}: no such file; expected a trained system; train first "
                "(stage 6), or give --model_file."
            )
    state = load_weights(weights, str(weights))
    portable = exp_dir / "portable"
    config = portable_config(read_yaml(config_file))
    if check is not None:
        check(config, state)
    with atomic_write(portable / "config.yaml") as stream:
        yaml.safe_dump(config, stream, sort_keys=False)
    partial = portable / f".model.pth.{os.getpid()}"
    if half:
        import torch

        torch.save({name: as_half(weight) for name, weight in state.items()}, partial)
    else:
        shutil.copyfile(weights, partial)
    os.replace(partial, portable / "model.pth")
    return portable


def as_half(weight: Tensor) -> Tensor:
    """Give a floating-point tensor 16 bits; others stay."""
    return weight.half() if weight.is_floating_point() else weight


def portable_words(words: Sequence[str]) -> list[str]:
    """Let ``espnet2.bin.pack enh`` pack a configuration that plain ESPnet can build.

    Args:
        words: its command line, with ``--train_config EXP/config.yaml``.

    Returns:
        The command line with ``EXP/portable/config.yaml``, which is written, where the
        configuration names parts of ours.

    Raises:
        UserError: if the configuration cannot be read.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--train_config", type=Path)
    found, rest = parser.parse_known_args(list(words))
    path = found.train_config
    if words[:1] != ["enh"] or path is None or not path.is_file():
        return list(words)
    config = read_yaml(path)
    if is_portable(config):
        return list(words)
    portable = path.parent / "portable" / "config.yaml"
    with atomic_write(portable) as stream:
        yaml.safe_dump(portable_config(config), stream, sort_keys=False)
    return [*rest, "--train_config", str(portable)]


def pack_portable(
    exp_dir: Path, model_file: str, outpath: Path, files: Sequence[Path] = ()
) -> None:
    """Export a system and write it as an archive of ``espnet2.bin.pack``.

    Args:
        exp_dir, model_file: see `export`.
        outpath: the archive; it appears when it is complete.
        files: further files to put into it.

    Raises:
        UserError: if one of ``files`` is missing, or the system cannot be exported.
    """
    from espnet2.main_funcs.pack_funcs import pack

    for path in files:
        if not path.exists():
            raise UserError(f"--option {path}: no such file; leave it out.")
    portable = export(exp_dir, model_file)
    partial = outpath.with_name(f".partial.{outpath.name}")
    pack(
        files={"model_file": portable / "model.pth"},
        yaml_files={"train_config": portable / "config.yaml"},
        option=files,
        outpath=partial,
    )
    partial.replace(outpath)
