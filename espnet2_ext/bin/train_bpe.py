"""Train a sentencepiece model on transcripts and write ESPnet's token list.

What stage 5 of ESPnet's asr.sh does with ``spm_train``: ``--out_dir`` gets
``bpe.model``, ``bpe.vocab`` and ``tokens.txt`` (``<blank> <unk> pieces <sos/eos>``).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.asr.bpe import MODES, train_pieces, write_model
from espnet2_ext.errors import run_main
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.fileio.yaml import named


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--text", required=True, help="ID WORDS")
    add("--nbpe", type=int, default=30, help="number of pieces, with sentencepiece's 3")
    add("--bpemode", choices=MODES, default="unigram")
    add("--bpe_char_cover", type=float, default=1.0, help="share of characters kept")
    add("--bpe_nlsyms", default="", help="comma-separated symbols that stay whole")
    add("--out_dir", required=True, type=Path)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write; the token list comes last."""
    args = get_parser().parse_args(argv)
    with named(args.text):
        model = train_pieces(
            read_scp(args.text).values(),
            count=args.nbpe,
            mode=args.bpemode,
            character_coverage=args.bpe_char_cover,
            whole=[symbol for symbol in args.bpe_nlsyms.split(",") if symbol],
        )
    tokens = write_model(model, args.out_dir)
    print(f"{args.out_dir / 'tokens.txt'}: {len(tokens)} tokens")


if __name__ == "__main__":
    run_main(main)
