"""Score what a recogniser wrote: word and character errors, as ESPnet's recipes do.

Writes, into ``--out_dir``, ``score_wer/`` and ``score_cer/`` with ``ref.trn``,
``hyp.trn`` and ``result.txt`` (sclite's layout), and ``scores.jsonl`` with one line
per utterance. Characters include the space between words, as in ESPnet.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import run_main
from espnet2_ext.metrics.asr_scores import read_texts, score_texts


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ref", required=True, help="ID WORDS: the text that was spoken")
    add("--hyp", required=True, help="ID WORDS: the recogniser's; words may be missing")
    add("--utt2spk", help="ID SPEAKER; default: one speaker")
    add("--cleaner", default="none", help="ESPnet text cleaner, for --ref only")
    add("--hyp_cleaner", default="none", help="the same for --hyp")
    add("--out_dir", required=True, type=Path)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Score, write the files, print one line per error rate."""
    args = get_parser().parse_args(argv)
    texts = read_texts(args.ref, args.hyp, args.utt2spk, args.cleaner, args.hyp_cleaner)
    for rate, (path, tally) in score_texts(texts, args.out_dir).items():
        print(f"{path}: {rate.upper()} {tally.errors.percent:.1f} %")


if __name__ == "__main__":
    run_main(main)
