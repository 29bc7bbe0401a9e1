"""Checkpoints of s3prl's families, tiny and random: right format, no knowledge."""

from __future__ import annotations

from pathlib import Path

import torch

DIM, BLOCKS = 32, 3
CONV = "[(32,10,5)] + [(32,3,2)] * 4 + [(32,2,2)] * 2"  # 320 samples, as real ones
SIZE = {
    "encoder_layers": BLOCKS,
    "encoder_embed_dim": DIM,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4,
    "conv_feature_layers": CONV,
    "conv_pos": 16,
    "conv_pos_groups": 4,
}


def wavlm(path: Path, **changes) -> None:
    from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig

    cfg = {
        **SIZE,
        "extractor_mode": "default",
        "relative_position_embedding": True,
        "num_buckets": 32,
        "max_distance": 64,
        "gru_rel_pos": True,
        "normalize": False,
        **changes,
    }
    torch.save({"cfg": cfg, "model": WavLM(WavLMConfig(cfg)).state_dict()}, path)


def wavlm_large_style(path: Path) -> None:
    wavlm(path, extractor_mode="layer_norm", layer_norm_first=True, normalize=True)


def hubert(path: Path) -> None:
    from s3prl.upstream.hubert.hubert_model import (
        HubertConfig,
        HubertModel,
        HubertPretrainingConfig,
    )

    model_cfg = {**SIZE, "label_rate": 50.0, "final_dim": 16}
    task_cfg = {"label_rate": 50.0, "sample_rate": 16000, "normalize": False}
    symbols = [[str(i) for i in range(10)]]
    model = HubertModel(
        HubertConfig(**model_cfg), HubertPretrainingConfig(**task_cfg), symbols
    )
    torch.save(
        {
            "task_cfg": task_cfg,
            "model_cfg": model_cfg,
            "model_weight": model.state_dict(),
            "dictionaries_symbols": symbols,
        },
        path,
    )


def wav2vec2(path: Path) -> None:
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    cfg = {**SIZE, "quantize_targets": True, "latent_vars": 8, "final_dim": 16}
    weights = Wav2Vec2Model(Wav2Vec2Config(**cfg)).state_dict()
    torch.save(
        {"task_cfg": {"normalize": False}, "model_cfg": cfg, "model_weight": weights},
        path,
    )


def data2vec(path: Path) -> None:
    from s3prl.upstream.data2vec.data2vec_model import (
        Data2VecAudioConfig,
        Data2VecAudioModel,
    )

    cfg = {**SIZE, "pos_conv_depth": 2, "conv_pos": 9}
    model = Data2VecAudioModel(Data2VecAudioConfig(**cfg))
    model.remove_pretraining_modules()
    weights = {**model.state_dict(), "_ema": None}  # s3prl deletes this key
    torch.save(
        {"task_cfg": {"normalize": True}, "model_cfg": cfg, "model_weight": weights},
        path,
    )


def distiller(path: Path, **changes) -> None:
    """DistilHuBERT, which s3prl runs through its own forward pass."""
    from s3prl.upstream.distiller.model import DistillerConfig, DistillerModel

    cfg = {
        **{key: value for key, value in SIZE.items() if key != "conv_feature_layers"},
        "extractor_conv_feature_layers": CONV.replace("32", "16"),
        "final_dim": DIM,
        "n_tasks": 1,
        "pred_layer_id": [BLOCKS],
        "task_emb_type": "expand-last",
        **changes,
    }
    model = DistillerModel(DistillerConfig(cfg))
    torch.save({"Config": {"distiller": cfg}, "Distiller": model.state_dict()}, path)


def cpc(path: Path) -> None:
    from s3prl.upstream.cpc.cpc_default_config import get_default_cpc_config

    config = {**vars(get_default_cpc_config()), "hiddenEncoder": 16, "hiddenGar": 16}
    torch.save({"config": config, "weights": {}}, path)  # what is missing is random


FBANK = {"feat_type": "fbank", "feat_dim": 20}  # of s3prl's APC and NPC


def apc(path: Path) -> None:
    from s3prl.upstream.apc.apc import APC

    paras = {"hidden_size": 16, "num_layers": 3, "dropout": 0.0, "residual": True}
    config = {"data": {"audio": FBANK}, "model": {"paras": paras}}
    torch.save({"config": config, "model": APC(20, **paras).state_dict()}, path)


def npc(path: Path) -> None:
    from s3prl.upstream.npc.npc import NPC

    paras = {"hidden_size": 16, "n_blocks": 2, "dropout": 0.0, "residual": True}
    paras |= {"kernel_size": 15, "mask_size": 5}
    config = {"data": {"audio": FBANK}, "model": {"paras": paras}}
    torch.save({"config": config, "model": NPC(20, **paras).state_dict()}, path)


def wav2vec(path: Path) -> None:
    from s3prl.upstream.wav2vec.wav2vec_model import Wav2VecConfig, Wav2VecModel

    cfg = {"conv_feature_layers": "[(16,10,5), (16,8,4), (16,4,2), (16,4,2), (16,4,2)]"}
    cfg |= {"conv_aggregator_layers": "[(16,2,1), (16,3,1)]", "infonce": True}
    weights = Wav2VecModel(Wav2VecConfig(**cfg)).state_dict()
    task = {"normalize": False}
    torch.save({"task_cfg": task, "model_cfg": cfg, "model_weight": weights}, path)


# those that s3prl runs through its own forward pass
HOOKED = {
    "distiller_local": distiller,
    "cpc_local": cpc,
    "apc_local": apc,
    "npc_local": npc,
    "wav2vec_local": wav2vec,
}
FAMILIES = {
    "wavlm_local": wavlm,
    "wavlm_local:large": wavlm_large_style,
    "hubert_local": hubert,
    "wav2vec2_local": wav2vec2,
    "data2vec_local": data2vec,
    "unispeech_sat_local": wavlm,  # the same classes
}


def write_all(directory: Path, families: dict = FAMILIES) -> dict[str, Path]:
    """Write one checkpoint a family; give {upstream name: path}."""
    torch.manual_seed(0)
    paths = {}
    for name, write in families.items():
        paths[name] = directory / f"{name.replace(':', '_')}.pt"
        write(paths[name])
    return paths


def write_init_param(config: dict, folder: Path) -> None:
    """Write the models that a configuration starts from, where another command does."""
    from espnet2_ext.enh.separators.dtln import DTLNSeparator

    for name in config.get("init_param", ()):
        weights = DTLNSeparator(1).state_dict()
        (folder / name).parent.mkdir(parents=True)
        state = {f"separator.{key}": value for key, value in weights.items()}
        torch.save(state, folder / name)
