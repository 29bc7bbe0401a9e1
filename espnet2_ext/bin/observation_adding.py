"""Add some of the noisy speech to the enhanced: observation adding, without training.

    (1 - w) * enhanced + w * noisy

Artifacts, the part of the error that is neither speech nor noise, are what recognisers
suffer from most (Iwamoto et al., arXiv 2201.06685); adding the observation raises the
signal-to-artifact ratio monotonically (Ochiai et al., arXiv 2404.14860). There it is
enhanced + w' * noisy: the same with w = w' / (1 + w') but for a factor, by which this
form never exceeds the louder of the two.

Both must have the level of the recording: a system trained with a loss that depends on
the level (SNR) gives its speech that level, and --normalize_output_wav false keeps it.
Nothing is fitted, then. The least-squares gain <enhanced, noisy> / <enhanced, enhanced>
would be no help: it is 1 for perfect speech, but 2 for a mask of 1/2, and undoes
suppression as if it were a wrong level. It only serves to warn of systems that have no
level (trained with SI-SNR), which cannot be mixed so.

Writes DIR/wavs/1/ID.wav and DIR/spk1.scp with the same ids, lengths and rates. A killed
run goes on where it was; changed audio is done again.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2_ext.data.rewrite import read_table, rewrite_audio
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import write_scp

GAINS = 0.5, 2.0  # of all audio together; beyond, the level is hardly the recording's


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--weight", type=float, required=True, help="w: 0 enhanced, 1 noisy"
    )
    parser.add_argument("--enhanced_scp", type=Path, required=True, help="ID AUDIO")
    parser.add_argument("--noisy_scp", type=Path, required=True, help="ID AUDIO")
    parser.add_argument("--key_file", help="ids of this job; default: all enhanced")
    parser.add_argument("--out_dir", type=Path, required=True)
    return parser


def add_observation(
    enhanced: np.ndarray, noisy: np.ndarray, weight: float
) -> np.ndarray:
    """Mix ``(1 - w) * enhanced + w * noisy``; all (T,).

    Raises:
        UserError: if the shapes differ or are not (T,).
    """
    if enhanced.ndim != 1 or enhanced.shape != noisy.shape:
        raise UserError(
            f"enhanced audio {enhanced.shape} and noisy audio {noisy.shape}; expected "
            "one channel and as many samples; enhance again (stage 7)."
        )
    return (1 - weight) * enhanced + weight * noisy


def main(argv: Sequence[str] | None = None) -> None:
    """Do one job."""
    args = get_parser().parse_args(argv)
    if not 0 <= args.weight <= 1:
        raise UserError(f"--weight: found {args.weight}, expected 0 to 1.")
    enhanced = read_table(args.enhanced_scp, args.key_file)
    noisy = read_table(args.noisy_scp, args.key_file or str(args.enhanced_scp))
    table = {utt: (source, noisy[utt]) for utt, source in enhanced.items()}
    products = np.zeros(2)  # <enhanced, noisy> and <enhanced, enhanced>, of all audio

    def run(wavs: Sequence[np.ndarray], fs: int) -> np.ndarray:
        mixed = add_observation(wavs[0], wavs[1], args.weight)
        products[:] += wavs[0] @ wavs[1], wavs[0] @ wavs[0]
        return mixed

    settings = {"weight": args.weight}
    doing = (f"w = {args.weight:g}", "mixed")
    done, reused = rewrite_audio(table, args.out_dir, settings, run, doing)
    gain = products[0] / products[1] if products[1] > 0 else 1.0
    if not GAINS[0] <= gain <= GAINS[1]:
        logging.warning(
            "%s: found audio that fits the noisy audio best when multiplied by %.3g; "
            "expected about 1; use a system whose loss depends on the level (snr, not "
            "si_snr) and --normalize_output_wav false",
            args.enhanced_scp,
            gain,
        )
    write_scp(args.out_dir / "spk1.scp", done)
    print(f"{args.out_dir / 'spk1.scp'}: {len(done)} utterances ({reused} from before)")


if __name__ == "__main__":
    run_main(main)
