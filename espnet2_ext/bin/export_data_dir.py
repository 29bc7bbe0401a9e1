"""Hand enhanced audio over to a recogniser of an ESPnet checkout.

Writes a Kaldi data directory ``--out_dir`` with the same ids as ``--data_dir``:
wav.scp (the audio of ``--scp``, absolute paths), text, utt2spk, spk2utt. ESPnet's
scripts take it as it is, in the recipe directory of a trained recogniser:

    cp -r OUT_DIR data/test_enh
    ./asr.sh --skip_train true --stage 3 --test_sets test_enh --asr_exp exp/asr_X ...
    scripts/utils/evaluate_asr.sh --asr_model_file exp/asr_X/valid.acc.ave.pth
        --stop-stage 3 --gt_text OUT_DIR/text OUT_DIR/wav.scp results
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.data.export import SPEAKERS, read_tables, write_data_dir
from espnet2_ext.errors import run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--scp", required=True, help="the audio, e.g. EXP/enhanced_<set>/spk1.scp")
    add("--data_dir", required=True, type=Path, help="has text and utt2spk")
    add("--out_dir", required=True, type=Path)
    add(
        "--speaker",
        choices=SPEAKERS,
        default="keep",
        help="utterance: each its own, where Kaldi would refuse the order of speakers",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Check and write."""
    args = get_parser().parse_args(argv)
    tables = read_tables(args.scp, args.data_dir, args.speaker)
    write_data_dir(tables, args.out_dir)
    print(f"{args.out_dir}: {len(tables['wav.scp'])} utterances")


if __name__ == "__main__":
    run_main(main)
