"""Pack a trained system into a zip that plain ESPnet unpacks and loads."""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.enh.export import pack_portable
from espnet2_ext.errors import run_main


def main() -> None:
    """Export the system, then pack it in ESPnet's format."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exp_dir", type=Path, required=True)
    parser.add_argument("--model_file", default="valid.loss.best.pth")
    parser.add_argument("--outpath", type=Path, required=True)
    parser.add_argument(
        "--option", type=Path, action="append", default=[], help="further file to pack"
    )
    args = parser.parse_args()
    pack_portable(args.exp_dir, args.model_file, args.outpath, args.option)
    print(args.outpath)


if __name__ == "__main__":
    run_main(main)
