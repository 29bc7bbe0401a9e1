"""Train a sentencepiece model on transcripts and write ESPnet's token list.

What stage 5 of ESPnet's asr.sh does with ``spm_train``: ``--out_dir`` gets
``bpe.model``, ``bpe.vocab`` and ``tokens.txt`` (``<blank> <unk> pieces <sos/eos>``).
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write, read_scp

BLANK, OOV, SOS_EOS = "<blank>", "<unk>", "<sos/eos>"
SPECIAL = 3  # sentencepiece's own <unk> <s> </s> come first
MODES = ("unigram", "bpe", "char", "word")


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


def train(args: argparse.Namespace, sentences: Sequence[str]) -> bytes:
    """Train and return the serialised model.

    Raises:
        UserError: if the text does not allow so many or so few pieces.
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=args.nbpe,
            model_type=args.bpemode,
            character_coverage=args.bpe_char_cover,
            user_defined_symbols=[s for s in args.bpe_nlsyms.split(",") if s],
            minloglevel=1,
        )
    except RuntimeError as error:  # its message names the limit
        raise UserError(
            f"{args.text}: sentencepiece cannot make {args.nbpe} pieces: {error}; "
            "give another --nbpe."
        ) from error
    return model.getvalue()


def pieces(model: bytes) -> list[tuple[str, float]]:
    """List the pieces of a model with their scores."""
    import sentencepiece

    read = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(read.id_to_piece(i), read.get_score(i)) for i in range(len(read))]


def main(argv: Sequence[str] | None = None) -> None:
    """Train and write; the token list comes last."""
    args = get_parser().parse_args(argv)
    model = train(args, list(read_scp(args.text).values()))
    vocabulary = pieces(model)
    with atomic_write(args.out_dir / "bpe.model", "wb") as stream:
        stream.write(model)
    with atomic_write(args.out_dir / "bpe.vocab") as stream:
        stream.writelines(f"{piece}\t{score:g}\n" for piece, score in vocabulary)
    tokens = [BLANK, OOV, *(piece for piece, _ in vocabulary[SPECIAL:]), SOS_EOS]
    with atomic_write(args.out_dir / "tokens.txt") as stream:
        stream.writelines(f"{token}\n" for token in tokens)
    print(f"{args.out_dir / 'tokens.txt'}: {len(tokens)} tokens")


if __name__ == "__main__":
    run_main(main)
