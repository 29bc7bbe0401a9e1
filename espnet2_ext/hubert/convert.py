"""From a model that ESPnet's HubertTask has trained to a file that plain s3prl loads.

ESPnet trains torchaudio's HuBERT; s3prl's ``hubert_local`` reads fairseq's names. The
two are the same computation, so converting is renaming. ``espnet_hubert_local`` would
load ESPnet's file as it is, but it needs the config.yaml beside it, imports ESPnet, and
leaves out the states before the first block and the convolutional features.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.checkpoint import load_weights
from espnet2_ext.fileio.yaml import read_yaml

PREFIX = "encoder.hubert_pretrain_model."
# torchaudio's name -> fairseq's; the convolutions are in CONV_NAMES
NAMES = {
    "wav2vec2.encoder.feature_projection.layer_norm": "layer_norm",
    "wav2vec2.encoder.feature_projection.projection": "post_extract_proj",
    "wav2vec2.encoder.transformer.pos_conv_embed.conv": "encoder.pos_conv.0",
    "wav2vec2.encoder.transformer.layer_norm": "encoder.layer_norm",
    "wav2vec2.encoder.transformer.layers": "encoder.layers",
    "mask_generator.mask_embedding": "mask_emb",
    "logit_generator.label_embeddings": "label_embs_concat",
    "logit_generator.final_proj": "final_proj",
}
IN_BLOCK = {
    ".attention.": ".self_attn.",
    ".layer_norm.": ".self_attn_layer_norm.",
    ".feed_forward.intermediate_dense.": ".fc1.",
    ".feed_forward.output_dense.": ".fc2.",
}
WEIGHT_NORM = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
EXTRACTORS = {"group_norm": "default", "layer_norm": "layer_norm"}
# our key -> (torchaudio's, its default in ESPnet)
SIZES = {
    "encoder_layers": ("encoder_num_layers", 12),
    "encoder_embed_dim": ("encoder_embed_dim", 768),
    "encoder_ffn_embed_dim": ("encoder_ff_interm_features", 3072),
    "encoder_attention_heads": ("encoder_num_heads", 12),
    "conv_pos": ("encoder_pos_conv_kernel", 128),
    "conv_pos_groups": ("encoder_pos_conv_groups", 16),
    "conv_bias": ("extractor_conv_bias", False),
    "layer_norm_first": ("encoder_layer_norm_first", False),
    "final_dim": ("final_dim", 256),
}
CONV_LAYERS = [[512, 10, 5], *[[512, 3, 2]] * 4, *[[512, 2, 2]] * 2]


def read_hubert(exp_dir: Path, model_file: str) -> tuple[dict, dict[str, Tensor]]:
    """Read the configuration and the weights of a trained model.

    Raises:
        UserError: if a file is missing or is not from `encoder: torchaudio_hubert`.
    """
    config, model = exp_dir / "config.yaml", exp_dir / model_file
    for path in (config, model):
        if not path.is_file():
            raise UserError(f"{path}: no such file; expected a trained model.")
    args = read_yaml(config)
    if args.get("encoder") != "torchaudio_hubert":
        raise UserError(
            f"{config}: found encoder {args.get('encoder')!r}; expected "
            "torchaudio_hubert, the model of espnet2.bin.hubert_train that does "
            "not need fairseq."
        )
    return args, load_weights(model, str(model))


def fairseq_config(args: Mapping) -> tuple[dict, dict]:
    """Give fairseq's model and task configuration of ESPnet's training arguments."""
    conf = args["encoder_conf"]
    layers = conf.get("extractor_conv_layer_config") or CONV_LAYERS
    model = {key: conf.get(*found) for key, found in SIZES.items()}
    stride = 1
    for _, _, step in layers:
        stride *= step
    return {
        **model,
        "label_rate": 16000 / stride,
        "extractor_mode": EXTRACTORS[conf.get("extractor_mode", "group_norm")],
        "conv_feature_layers": str([tuple(layer) for layer in layers]),
    }, {"label_rate": 16000 / stride, "sample_rate": 16000, "normalize": False}


def fairseq_name(name: str, extractor_mode: str) -> str:
    """Translate the name of one weight.

    Raises:
        UserError: if it belongs to no known part of the model.
    """
    name = name.removeprefix(PREFIX)
    for ours, theirs in WEIGHT_NORM.items():
        name = name.replace(ours, theirs)
    conv = re.fullmatch(
        r"wav2vec2\.feature_extractor\.conv_layers\.(\d+)\.(conv|layer_norm)\.(\w+)",
        name,
    )
    if conv:
        # fairseq's block: convolution, dropout, norm; a layer norm between transposes
        norm = "2.1" if extractor_mode == "layer_norm" else "2"
        place = "0" if conv[2] == "conv" else norm
        return f"feature_extractor.conv_layers.{conv[1]}.{place}.{conv[3]}"
    for ours, theirs in NAMES.items():
        if name.startswith(ours):
            name = theirs + name.removeprefix(ours)
            if theirs == "encoder.layers":
                for inside, other in IN_BLOCK.items():
                    name = name.replace(inside, other)
            return name
    raise UserError(f"weight '{name}': expected one of torchaudio's HuBERT.")


def to_s3prl(args: Mapping, weights: Mapping[str, Tensor], half: bool = True) -> dict:
    """Make what ``hubert_local`` loads.

    Args:
        args, weights: from ``read_hubert``.
        half: store float16, which s3prl turns into float32 when it loads.
    """
    model_cfg, task_cfg = fairseq_config(args)
    dtype = torch.float16 if half else torch.float32
    renamed = {
        fairseq_name(name, model_cfg["extractor_mode"]): weight.to(dtype)
        for name, weight in weights.items()
        if name.startswith(PREFIX)
    }
    return {
        "task_cfg": task_cfg,
        "model_cfg": model_cfg,
        "model_weight": renamed,
        # s3prl makes one embedding for each symbol
        "dictionaries_symbols": [
            [str(i) for i in range(len(renamed["label_embs_concat"]))]
        ],
    }
