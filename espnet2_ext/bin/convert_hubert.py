"""Write a HuBERT that ESPnet has trained as one file for s3prl's ``hubert_local``.

python -m espnet2_ext.bin.convert_hubert --exp_dir exp/hubert_iter1_X --output X.pt
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

import torch

from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.hubert.convert import read_hubert, to_s3prl


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--exp_dir", required=True, type=Path, help="what hubert_train has written")
    add("--model_file", default="valid.loss.best.pth", help="checkpoint within it")
    add("--output", required=True, type=Path)
    add("--full_precision", action="store_true", help="float32: twice the size")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Convert; the file appears only when complete."""
    args = get_parser().parse_args(argv)
    checkpoint = to_s3prl(
        *read_hubert(args.exp_dir, args.model_file), half=not args.full_precision
    )
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    with atomic_write(args.output, "wb") as stream:
        stream.write(buffer.getvalue())
    count = sum(weight.numel() for weight in checkpoint["model_weight"].values())
    print(
        f"{args.output}: {count / 1e6:.2f} M weights, {buffer.tell() / 1e6:.1f} MB; "
        f"use it as upstream: hubert_local, path_or_url: {args.output}"
    )


if __name__ == "__main__":
    run_main(main)
