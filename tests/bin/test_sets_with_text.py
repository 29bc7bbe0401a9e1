"""Which sets a recogniser decodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.bin.sets_with_text import main
from espnet2_ext.errors import UserError


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for name, text in (("said", "u hello\n"), ("empty", ""), ("quiet", None)):
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "text").write_text(text)
    return tmp_path


def choose(raw: Path, *sets: str, all_needed: str = "false") -> None:
    main(["--dir", str(raw), "--all_needed", all_needed, *sets])


def test_sets_without_words_are_left_out_with_a_line(raw: Path, capsys) -> None:
    choose(raw, "quiet", "said", "empty")
    out, err = capsys.readouterr()
    assert out == "said\n"
    assert "quiet: not decoded, it has no text" in err
    assert "empty: not decoded" in err


def test_set_that_was_named_needs_words(raw: Path) -> None:
    with pytest.raises(UserError, match="quiet/text; --asr_test_sets needs"):
        choose(raw, "said", "quiet", all_needed="true")


def test_no_words_anywhere_is_an_error(raw: Path) -> None:
    with pytest.raises(UserError, match="no text in any of quiet empty"):
        choose(raw, "quiet", "empty")
