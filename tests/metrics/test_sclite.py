from __future__ import annotations

from pathlib import Path

from espnet2_ext.metrics.alignment import Aligned, Step
from espnet2_ext.metrics.sclite import format_alignment, write_result

LONG = (
    Step("S", "a", "abcd"),
    Step("D", "xyz", ""),
    Step("C", "b", "b"),
    Step("I", "", "no"),
)


def test_columns_are_as_wide_as_the_longer_token() -> None:
    assert format_alignment(Aligned("u", "s", LONG)).splitlines() == [
        "id: (s-u)",
        "Scores: (#C #S #D #I) 1 1 1 1",
        "REF:  a    xyz b **",
        "HYP:  abcd *** b no",
        "Eval: S    D     I",
    ]


def test_spread_is_over_speakers_and_a_long_name_fits(tmp_path: Path) -> None:
    right, wrong = (Step("C", "a", "a"),), (Step("D", "a", ""),)
    utterances = [
        Aligned("1", "a-very-long-speaker-id", right),
        Aligned("2", "b", wrong),
        Aligned("3", "b", right),
        Aligned("4", "c", wrong),
    ]
    write_result(tmp_path / "result.txt", utterances)
    lines = (tmp_path / "result.txt").read_text().splitlines()
    table = [line for line in lines if line.startswith("|")][:8]
    assert len({len(line) for line in table}) == 1
    numbers = {x.split("|")[1].strip(): x.split("|")[3].split() for x in table}
    errors = {name: row[4] for name, row in numbers.items()}
    # 0, 50 and 100 %: 2 errors in 4 words
    assert errors["Sum/Avg"] == errors["Mean"] == errors["Median"] == "50.0"
    assert errors["S.D."] == "50.0"
