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
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.enh.observation_adding import mix_tables
from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import write_scp


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


def main(argv: Sequence[str] | None = None) -> None:
    """Do one job."""
    args = get_parser().parse_args(argv)
    done, reused = mix_tables(
        args.enhanced_scp, args.noisy_scp, args.out_dir, args.weight, args.key_file
    )
    write_scp(args.out_dir / "spk1.scp", done)
    print(f"{args.out_dir / 'spk1.scp'}: {len(done)} utterances ({reused} from before)")


if __name__ == "__main__":
    run_main(main)
