"""Make a trained system independent of this package and of s3prl.

``criterions:`` and ``preprocessor:`` of the configuration change: ESPnet builds them at
inference too, and a plain ESPnet does not know ours. The weights are as they were, or
in half precision.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

from espnet2_ext.enh.export import export
from espnet2_ext.errors import run_main


def main() -> None:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp_dir", type=Path, required=True)
    parser.add_argument("--model_file", default="valid.loss.best.pth")
    parser.add_argument("--half", action="store_true", help="weights of 16 bits")
    parser.add_argument("--inference_config", type=Path, help="YAML to check with it")
    args = parser.parse_args()
    check = None
    if args.inference_config is not None:
        from espnet2_ext.tasks.inference import check_inference  # takes seconds

        check = functools.partial(check_inference, path=args.inference_config)
    print(export(args.exp_dir, args.model_file, check, args.half))


if __name__ == "__main__":
    run_main(main)
