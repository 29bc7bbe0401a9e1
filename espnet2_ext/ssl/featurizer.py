"""Layer weights that a trained downstream head has learned.

A SUPERB head sees ``sum_l softmax(w)_l h_l``: its ``w`` says which layers a task needs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import load

KEY = "featurizer.weights"


def read_featurizer(path: str) -> list[float]:
    """Read the softmaxed weight of every layer, from layer 0.

    Args:
        path: a directory of stage 13 with its ``head.json``; a ``state_dict.pt`` of
            one; a checkpoint of s3prl's ``run_downstream.py``; or any state dict with
            one entry named ``featurizer.weights``, such as an ESPnet model's.

    Raises:
        UserError: if there is no file, or not one such entry in it.
    """
    file = _file(Path(path))
    with torch.serialization.safe_globals([argparse.Namespace]):  # s3prl's Args
        state = load(file, f"featurizer '{path}'")
    found = _candidates(state)
    if len(found) != 1 or found[0].dim() != 1 or not bool(found[0].isfinite().all()):
        raise UserError(
            f"featurizer '{path}': expected one vector '{KEY}', found {len(found)}; "
            "give a trained head whose upstream has several layers."
        )
    return found[0].double().softmax(dim=0).tolist()


def _file(path: Path) -> Path:
    """Find the checkpoint that a probe chose, if ``path`` is its directory."""
    if not path.exists():
        raise UserError(f"featurizer '{path}': no such file or directory.")
    if not path.is_dir():
        return path
    head = path / "head.json"
    if not head.is_file():
        raise UserError(
            f"featurizer '{path}': expected a head.json, which training writes last; "
            "finish stage 13, or give a state_dict.pt."
        )
    try:
        name = str(json.loads(head.read_text(encoding="utf-8"))["checkpoint"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"featurizer '{path}': {head} is broken ({error!r}); expected what stage "
            "13 writes; run it again."
        ) from error
    return path / "s3prl" / "train" / name / "model" / "state_dict.pt"


def _candidates(state: object) -> list[Tensor]:
    if not isinstance(state, Mapping):
        return []
    official = state.get("Featurizer")
    if isinstance(official, Mapping):
        state = {f"featurizer.{key}": value for key, value in official.items()}
    return [
        value
        for key, value in state.items()
        if f".{key}".endswith(f".{KEY}") and isinstance(value, Tensor)
    ]
