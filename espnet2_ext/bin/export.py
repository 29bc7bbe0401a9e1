"""Make a trained system independent of this package and of s3prl.

Only ``criterions:`` of the configuration changes: ESPnet builds the criteria at
inference too, and a plain ESPnet does not know ours. The weights are as they were.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import yaml

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.checkpoint import load_weights
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.fileio.yaml import read_yaml

OURS = {"ssl"}
PLAIN = {
    "name": "snr",
    "conf": {},
    "wrapper": "fixed_order",
    "wrapper_conf": {"weight": 1.0},
}


def portable_config(config: dict) -> dict:
    """Drop our criteria from a training configuration; keep everything else."""
    kept = [c for c in config.get("criterions", []) if c["name"] not in OURS]
    return {**config, "criterions": kept or [PLAIN]}


def export(
    exp_dir: Path, model_file: str, inference_config: Path | None = None
) -> Path:
    """Write ``exp_dir/portable/{config.yaml,model.pth}`` for plain ESPnet.

    Args:
        exp_dir: experiment directory with ``config.yaml``.
        model_file: weights in it, e.g. ``valid.loss.best.pth``.
        inference_config: a YAML that changes the network for inference; only checked.

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
    if inference_config is not None:
        from espnet2_ext.tasks.inference import check_inference  # takes seconds

        check_inference(config, state, inference_config)
    with atomic_write(portable / "config.yaml") as stream:
        yaml.safe_dump(config, stream, sort_keys=False)
    partial = portable / f".model.pth.{os.getpid()}"
    shutil.copyfile(weights, partial)
    os.replace(partial, portable / "model.pth")
    return portable


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp_dir", type=Path, required=True)
    parser.add_argument("--model_file", default="valid.loss.best.pth")
    parser.add_argument("--inference_config", type=Path, help="YAML to check with it")
    args = parser.parse_args()
    print(export(args.exp_dir, args.model_file, args.inference_config))


if __name__ == "__main__":
    run_main(main)
