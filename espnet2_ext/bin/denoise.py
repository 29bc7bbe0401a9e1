"""Run a public denoiser over an scp: a row beside the trained systems.

Writes DIR/wavs/1/ID.wav and DIR/spk1.scp with the same ids, lengths and rates, aligned
in time. A killed run goes on where it was; changed audio is denoised again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.data.rewrite import read_table
from espnet2_ext.denoisers.registry import DENOISERS, denoiser
from espnet2_ext.denoisers.table import denoise_table
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import write_scp


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--denoiser", required=True, help=f"one of {list(DENOISERS)}")
    parser.add_argument(
        "--check", action="store_true", help="only say whether it is installed"
    )
    parser.add_argument("--scp", type=Path, help="noisy audio: ID AUDIO")
    parser.add_argument("--out_dir", type=Path, help="where spk1.scp is written")
    parser.add_argument("--key_file", help="ids of this job; default: all of --scp")
    parser.add_argument(
        "--num_threads", type=int, default=1, help="of ONNX; the others take one"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Denoise one job."""
    args = get_parser().parse_args(argv)
    found = denoiser(args.denoiser)
    if args.check:
        print(f"{found.label}: {found.package} {found.version}")
        return
    if args.scp is None or args.out_dir is None:
        raise UserError("found no --scp or --out_dir; expected both.")
    if args.num_threads < 1:
        raise UserError(f"--num_threads: found {args.num_threads}, expected 1 or more.")
    table = read_table(args.scp, args.key_file)
    done, reused = denoise_table(found, table, args.out_dir, args.num_threads)
    write_scp(args.out_dir / "spk1.scp", done)
    print(f"{args.out_dir / 'spk1.scp'}: {len(done)} utterances ({reused} from before)")


if __name__ == "__main__":
    run_main(main)
