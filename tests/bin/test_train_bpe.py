from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.bin.train_bpe import main
from espnet2_ext.errors import UserError


def train(tmp_path: Path, nbpe: int, *more: str) -> list[str]:
    text = tmp_path / "text"
    text.write_text("u1 one two three\nu2 three one\nu3 two\n")
    out = ["--out_dir", str(tmp_path / "bpe")]
    main(["--text", str(text), "--nbpe", str(nbpe), *out, *more])
    return (tmp_path / "bpe/tokens.txt").read_text().splitlines()


def test_tokens_and_symbols_are_those_asked_for(tmp_path, capsys):
    tokens = train(tmp_path, 16, "--bpe_nlsyms", "<noise>,<cough>")
    assert {"<noise>", "<cough>"} <= set(tokens)
    assert "u1" not in "".join(tokens)
    assert capsys.readouterr().out.endswith("tokens.txt: 16 tokens\n")


def test_wrong_number_of_pieces_names_the_text(tmp_path):
    with pytest.raises(UserError, match=r"text: sentencepiece cannot make 5000 pieces"):
        train(tmp_path, 5000)
