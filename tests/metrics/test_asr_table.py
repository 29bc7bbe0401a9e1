from __future__ import annotations

from pathlib import Path

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.asr_table import read_conditions, to_markdown
from tests.metrics.test_asr_scores import REF, score


def table(*rows: str) -> str:
    return to_markdown("ASR", read_conditions(rows))


def test_table_has_espnets_columns_for_each_condition(tmp_path: Path) -> None:
    clean = score(tmp_path / "clean", REF, REF)
    noisy = score(tmp_path / "noisy")
    text = table(f"test/clean={clean}", f"test/noisy={noisy}")
    lines = text.splitlines()
    assert "|dataset|Snt|Wrd|Corr|Sub|Del|Ins|Err|S.Err|" in lines
    assert "|test/clean|3|6|100.0|0.0|0.0|0.0|0.0|0.0|" in lines
    assert "|test/noisy|3|6|66.7|16.7|16.7|16.7|50.0|66.7|" in lines
    assert lines.index("|test/clean|3|6|100.0|0.0|0.0|0.0|0.0|0.0|") < lines.index(
        "|test/noisy|3|6|66.7|16.7|16.7|16.7|50.0|66.7|"
    )


def test_rows_of_one_set_must_have_the_same_utterances(tmp_path: Path) -> None:
    whole = score(tmp_path / "whole")
    part = score(tmp_path / "part", {"a-1": "раз"}, {"a-1": "раз"})
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "scores.jsonl").write_text('{"id": "a-1"}\n')
    with pytest.raises(UserError) as found:
        table(f"t/x={whole}", f"t/y={part}", f"t/z={broken}", "t/q=nowhere")
    message = str(found.value)
    assert "t/y and t/x scored different utterances: 2 are in one only" in message
    assert "broken/scores.jsonl:1" in message
    assert "nowhere/scores.jsonl: no such file" in message
    # another set may have others
    assert "|u/y|" in table(f"t/x={whole}", f"u/y={part}")
