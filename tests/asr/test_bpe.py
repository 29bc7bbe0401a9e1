from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.asr.bpe import train_pieces, write_model
from espnet2_ext.errors import UserError

TEXT = "u1 мама мыла раму\nu2 рама мыла маму\nu3 мыла мама\n"


def train(tmp_path: Path, count: int, **options) -> Path:
    sentences = [line.partition(" ")[2] for line in TEXT.splitlines()]
    model = train_pieces(sentences, count=count, **options)
    write_model(model, tmp_path / "bpe")
    return tmp_path / "bpe"


@pytest.mark.parametrize("mode", ["unigram", "bpe"])
def test_espnet_tokenises_and_joins_with_the_model(tmp_path: Path, mode: str) -> None:
    from espnet2.text.sentencepiece_tokenizer import SentencepiecesTokenizer

    out = train(tmp_path, 13, mode=mode)
    tokens = (out / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert tokens[:2] == ["<blank>", "<unk>"]
    assert tokens[-1] == "<sos/eos>"
    assert len(tokens) == 13  # sentencepiece's <unk> <s> </s> gave way to three of ours
    assert len(set(tokens)) == len(tokens)
    tokenizer = SentencepiecesTokenizer(str(out / "bpe.model"))
    for line in TEXT.splitlines():
        words = line.partition(" ")[2]
        found = tokenizer.text2tokens(words)
        assert set(found) <= set(tokens)
        assert tokenizer.tokens2text(found) == words


def test_kept_symbols_are_one_piece(tmp_path: Path) -> None:
    out = train(tmp_path, 14, whole=["<noise>", "<cough>"])
    assert {"<noise>", "<cough>"} <= set((out / "tokens.txt").read_text().split())


def test_too_many_pieces_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot make 5000 pieces.*\n?.*--nbpe"):
        train(tmp_path, 5000)
    assert not (tmp_path / "bpe").exists()
