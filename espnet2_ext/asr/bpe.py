"""A sentencepiece model of transcripts, and ESPnet's token list of it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import atomic_write

BLANK, OOV, SOS_EOS = "<blank>", "<unk>", "<sos/eos>"
SPECIAL = 3  # sentencepiece's own <unk> <s> </s> come first
MODES = ("unigram", "bpe", "char", "word")


def train_pieces(
    sentences: Iterable[str],
    *,
    count: int,
    mode: str = "unigram",
    character_coverage: float = 1.0,
    whole: Sequence[str] = (),
) -> bytes:
    """Train and return the serialised model.

    Args:
        sentences: the transcripts.
        count: number of pieces, with sentencepiece's three.
        mode: one of `MODES`.
        character_coverage: share of the characters that are kept.
        whole: symbols that are never split.

    Raises:
        UserError: if the text does not allow so many or so few pieces.
    """
    import sentencepiece

    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=count,
            model_type=mode,
            character_coverage=character_coverage,
            user_defined_symbols=list(whole),
            minloglevel=1,
        )
    except RuntimeError as error:  # its message names the limit
        raise UserError(
            f"sentencepiece cannot make {count} pieces: {error}; give another --nbpe."
        ) from error
    return model.getvalue()


def read_pieces(model: bytes) -> list[tuple[str, float]]:
    """List the pieces of a model with their scores."""
    import sentencepiece

    read = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [(read.id_to_piece(i), read.get_score(i)) for i in range(len(read))]


def write_model(model: bytes, out_dir: Path) -> list[str]:
    """Write ``bpe.model``, ``bpe.vocab`` and, last, ``tokens.txt``.

    Returns:
        The tokens: ``<blank> <unk> pieces <sos/eos>``.
    """
    pieces = read_pieces(model)
    with atomic_write(out_dir / "bpe.model", "wb") as stream:
        stream.write(model)
    with atomic_write(out_dir / "bpe.vocab") as stream:
        stream.writelines(f"{piece}\t{score:g}\n" for piece, score in pieces)
    tokens = [BLANK, OOV, *(piece for piece, _ in pieces[SPECIAL:]), SOS_EOS]
    with atomic_write(out_dir / "tokens.txt") as stream:
        stream.writelines(f"{token}\n" for token in tokens)
    return tokens
