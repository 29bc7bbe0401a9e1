"""Run a public denoiser over an scp: a row beside the trained systems.

Writes DIR/wavs/1/ID.wav and DIR/spk1.scp with the same ids, lengths and rates, aligned
in time. A killed run goes on where it was; changed audio is denoised again.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from espnet2_ext.data.rewrite import read_table, rewrite_audio
from espnet2_ext.denoisers.registry import DENOISERS, Denoiser, denoiser
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


def denoise_table(
    found: Denoiser, table: Mapping[str, str], out_dir: Path, num_threads: int = 1
) -> tuple[dict[str, str], int]:
    """Denoise all audio of ``table`` (id -> audio) into ``out_dir/wavs/1``.

    Returns:
        id -> new file, and how many were there from an earlier run.

    Raises:
        UserError: listing the audio that cannot be denoised, after all other audio.
    """
    settings = {
        "package": found.package,
        "version": found.version,
        "rate": found.rate,
        "delay": found.delay,
    }
    load = functools.cache(lambda: found.load(num_threads))  # not if all is there

    def run(wavs: Sequence[np.ndarray], fs: int) -> np.ndarray:
        return found.run(load(), wavs[0], fs)

    sources = {utt: [source] for utt, source in table.items()}
    return rewrite_audio(sources, out_dir, settings, run, (found.label, "denoised"))


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
