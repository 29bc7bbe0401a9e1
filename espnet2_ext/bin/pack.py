"""Pack a trained system into a zip that plain ESPnet unpacks and loads."""

from __future__ import annotations

import argparse
from pathlib import Path

from espnet2_ext.bin.export import export
from espnet2_ext.errors import UserError, run_main


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

    from espnet2.main_funcs.pack_funcs import pack

    for path in args.option:
        if not path.exists():
            raise UserError(f"--option {path}: no such file; leave it out.")
    portable = export(args.exp_dir, args.model_file)
    partial = args.outpath.with_name(f".partial.{args.outpath.name}")
    pack(
        files={"model_file": portable / "model.pth"},
        yaml_files={"train_config": portable / "config.yaml"},
        option=args.option,
        outpath=partial,
    )
    partial.replace(args.outpath)
    print(args.outpath)


if __name__ == "__main__":
    run_main(main)
