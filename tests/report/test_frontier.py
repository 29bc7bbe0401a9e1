"""What each weight gains against what it costs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from espnet2_ext.bin.frontier_figure import main
from espnet2_ext.errors import UserError

VALUES = {  # system -> SI_SNR, LPS of two seeds
    "snr": ((8.0, 9.0), (60.0, 62.0)),
    "weak": ((8.4, 8.6), (63.0, 63.0)),
    "strong": ((7.0, 8.0), (64.0, 66.0)),
}


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    lines = []
    for system, values in VALUES.items():
        for metric, unit, found in zip(
            ("SI_SNR", "LPS"), ("dB", "%"), values, strict=True
        ):
            lines += [
                {"system": system, "metric": metric, "value": value, "unit": unit}
                | {"higher_is_better": True, "test_set": "valid"}
                for value in found
            ]
    other = {**lines[0], "test_set": "test_en", "value": 99.0}  # of another set
    lines.append(other)
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = ["--output", str(tmp_path / "x.png"), "--price", "SI_SNR"]
    return ["--results", str(path), "--baseline", "snr", *out]


def test_table_has_the_mean_differences_and_the_figure_is_drawn(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*words, "--systems", "weak", "strong"])
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in header.split("|")] == [
        "",
        "",
        "SI_SNR (dB)",
        "LPS (%)",
        "",
    ]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert cells == [["weak", "0.00", "+2.00"], ["strong", "-1.00", "+4.00"]]
    assert Image.open(io.BytesIO((tmp_path / "x.png").read_bytes())).size == (450, 360)


def test_what_is_not_in_the_records_is_named(words: list[str]) -> None:
    with pytest.raises(UserError, match=r"'weka'.*'weak'"):
        main([*words, "--systems", "weka"])
    with pytest.raises(UserError, match=r"'LSP'.*'LPS'"):
        main([*words, "--systems", "weak", "--gain", "LSP"])
