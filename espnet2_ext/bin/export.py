"""Make a trained system independent of this package and of s3prl.

Only ``criterions:`` of the configuration changes: ESPnet builds the criteria at
inference too, and a plain ESPnet does not know ours. The weights are as they were.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.enh.export import export
from espnet2_ext.errors import run_main


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
