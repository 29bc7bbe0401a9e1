r"""Make the noisy twin of the test audio of downstream tasks: a data directory.

python -m espnet2_ext.bin.make_noisy_set --csv data/superb/*/test.csv \
    --noise_scp noise.scp --snr "0 5 10" --out_dir data/test_superb
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.make_noisy_set",
        description="Add noise to the unique audio of CSV manifests; the clean files "
        "stay as they are and become the references.",
    )
    add = parser.add_argument
    add("--csv", nargs="+", required=True, metavar="CSV", help="manifests, e.g. tests")
    add("--noise_scp", required=True, help="noise files: ID PATH")
    add("--utt2type", help="their types: ID TYPE; every type is equally likely")
    add("--snr", default="0 5 10", help="in dB; each utterance gets one of them")
    add("--seed", type=int, default=0, help="of every random choice")
    add("--fs", type=int, default=16000, help="expected rate of the clean audio in Hz")
    add("--utt2spk", help="speakers: ID SPEAKER (else every utterance its own)")
    add("--text_column", help="write text from this column, e.g. transcription")
    add("--out_dir", required=True, help="the data directory, e.g. data/test_superb")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    return parser


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Collect the audio and mix; see ``--help``."""
    args = get_parser().parse_args(argv)
    if args.nj < 1 or args.seed < 0 or args.fs < 1:
        raise UserError(
            f"found --nj {args.nj} --seed {args.seed} --fs {args.fs}; expected "
            "positive numbers (--seed may be 0)."
        )
    snrs = parse_snrs(args.snr)
    from espnet2_ext.data.clean_audio import collect_audio, read_texts
    from espnet2_ext.data.noise_source import read_pools
    from espnet2_ext.data.noisy_set import MixOptions, make_noisy_set
    from espnet2_ext.fileio.scp import read_scp

    manifests = [Path(path) for path in args.csv]
    audio = collect_audio(manifests)
    tables = {}
    if args.utt2spk:
        tables["utt2spk"] = read_scp(args.utt2spk)
    if args.text_column:
        tables["text"] = read_texts(manifests, args.text_column, audio)
    utt2type = Path(args.utt2type) if args.utt2type else None
    pools = read_pools(Path(args.noise_scp), utt2type)
    options = MixOptions(snrs, args.seed, args.fs)
    out_dir = Path(args.out_dir)
    make_noisy_set(audio, pools, out_dir, options, args.nj, tables, say)


def parse_snrs(text: str) -> tuple[float, ...]:
    """Read SNRs in dB, separated by spaces.

    Raises:
        UserError: if there is none or one is not a finite number.
    """
    try:
        snrs = tuple(float(word) for word in text.split())
    except ValueError:
        snrs = ()
    if not snrs or not all(math.isfinite(snr) for snr in snrs):
        raise UserError(
            f"found --snr '{text}'; expected numbers in dB, as in '0 5 10'."
        )
    return snrs


if __name__ == "__main__":
    run_main(main)
