"""Settings under which the heads of the tiny corpus train in seconds."""

from __future__ import annotations

from pathlib import Path

import yaml

RNN = {
    "model_conf": {
        "proj_size": 64,
        "hidden_size": [64],
        "dropout": [0.0],
        "layer_norm": [False],
        "proj": [False],
        "sample_rate": [1],
    },
    "specaug_conf": {
        "freq_mask_width_range": [0, 2],
        "num_freq_mask": 1,
        "time_mask_width_range": [0, 2],
        "num_time_mask": 1,
    },
}
XVECTOR = {"hidden_size": 64, "aggregation_size": 128, "output_size": 64}


def _settings(steps: int, lr: float, head: dict | None = None, **more) -> dict:
    every = {"log_step": steps // 2, "eval_step": steps // 2, "save_step": steps // 2}
    return {
        "train": {"total_steps": steps, **every, "gradient_accumulate": 1},
        "build_optimizer": {"conf": {"lr": lr}},
        **({"build_downstream": head} if head else {}),
        **more,
    }


def _batch(size: int) -> dict:
    return {"train": {"batch_size": size}}


_LINEAR = _settings(60, 3e-3, {"hidden_size": 64}, build_batch_sampler=_batch(8))
SETTINGS = {
    "pr": _settings(60, 1e-2, build_batch_sampler=_batch(8)),
    "asr": _settings(
        120,
        5e-3,
        RNN,
        build_batch_sampler={"train": {"batch_size": 8, "max_length": 300000}},
    ),
    "sf": _settings(120, 5e-3, RNN, build_batch_sampler=_batch(8)),
    "asv": _settings(
        200,
        1e-3,
        XVECTOR,
        build_featurizer={"normalize": True},
        build_dataset={"train": {"min_secs": 0.5, "max_secs": 1.0}},
    ),
    "sd": _settings(60, 3e-3, {"hidden_size": 64}, build_dataset={"chunk_size": 400}),
    **dict.fromkeys(("ks", "ic", "sid", "er", "lid"), _LINEAR),
}
SETTINGS["asv"]["train"].pop("eval_step")


def write_settings(folder: Path, **changes: dict) -> Path:
    """Write <task>.yaml of every task; ``changes`` replace sections of a task."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in SETTINGS.items():
        merged = {**settings, **changes.get(name, {})}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(merged))
    return folder
