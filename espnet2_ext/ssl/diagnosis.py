"""What a checkpoint is that an upstream could not be loaded from."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import load

TRANSFORMERS = re.compile(
    r"(^|\.)feature_extractor\.conv_layers\.\d+\.conv\.|\.attention\.[kqv]_proj\."
)
ESPNET_HUBERT = "encoder.hubert_pretrain_model."
CONVERTED = {"task_cfg", "model_cfg", "model_weight"}


def kind_of(path: str) -> str:
    """Say in words what a checkpoint holds.

    Returns:
        Words for ``found ...``; where it cannot be read, the reason.
    """
    try:
        state = load(path, path)
    except UserError as error:
        return str(error).removeprefix(f"{path}: found ").partition(";")[0]
    if not isinstance(state, Mapping):
        return f"a {type(state).__name__}"
    return _by_entries(state)


def _by_entries(state: Mapping[Any, Any]) -> str:
    keys = {str(key) for key in state}
    if keys >= CONVERTED:
        family = _family(state)
        return f"s3prl's checkpoint of a {family} (for {family}_local)"
    if {"cfg", "model"} <= keys and isinstance(state["cfg"], Mapping):
        if "relative_position_embedding" in state["cfg"]:
            return "a WavLM or UniSpeech-SAT (for wavlm_local, unispeech_sat_local)"
        return "a checkpoint of fairseq, not converted"
    if {"args", "model"} <= keys or {"cfg", "model"} <= keys:
        return "a checkpoint of fairseq, not converted"
    if {"Config", "Distiller"} <= keys:
        return "a DistilHuBERT (for distiller_local)"
    if {"model", "reporter", "optimizers"} <= keys:
        return "the checkpoint of an ESPnet training"
    if any(key.startswith(ESPNET_HUBERT) for key in keys):
        return "a HuBERT of ESPnet (bin.convert_hubert makes hubert_local's of it)"
    if any(TRANSFORMERS.search(key) for key in keys):
        return "weights of Hugging Face transformers (pytorch_model.bin)"
    return f"the entries {_some(keys)}"


def _family(state: Mapping[Any, Any]) -> str:
    """Tell the families apart whose checkpoints s3prl has converted from fairseq."""
    weights = {str(key) for key in state["model_weight"]}
    if "dictionaries_symbols" in state or "label_embs_concat" in weights:
        return "hubert"
    if any(key.startswith(("_ema", "encoder.pos_conv.1.")) for key in weights):
        return "data2vec"
    return "wav2vec2"


def _some(keys: Collection[str]) -> str:
    shown = sorted(keys)[:4]
    return ", ".join(shown) + (" ..." if len(keys) > len(shown) else "")
