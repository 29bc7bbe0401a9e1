"""The table of systems: what the options describe, and its form."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.plan.systems import list_rows
from espnet2_ext.plan.table import COLUMNS, format_rows, parse_rows, read_rows

# What the arrays of the shell held before the plan took over, for the same options.
CASES = json.loads(Path(__file__).with_name("tables.json").read_text())
DEFAULTS = {
    "enh_ssl": {
        "enh_config": "",
        "expdir": "exp",
        "inference_model": "valid.loss.ave.pth",
    },
    "superb": {"enh_exps": "", "expdir": "exp", "inference_model": "model.pth"},
}


def rows_of(template: str, **options: str):
    every = {**DEFAULTS[template], **options}
    names = every.get("denoisers", "").split()
    return list_rows(every, {name: name for name in names})


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["options"])[:60])
def test_the_systems_are_those_of_the_arrays_of_before(case):
    expected = [tuple(row) for row in case["rows"]]
    found = rows_of(case["template"], **case["options"])
    if case["template"] == "superb":  # the arrays had no seed; the report read the name
        expected = [(*r[:3], "", *r[4:]) for r in expected]
        found_rows = [(*r.fields[1:4], "", *r.fields[5:]) for r in found]
    else:
        found_rows = [r.fields[1:] for r in found]
    assert found_rows == expected


def test_a_system_trained_elsewhere_has_the_seed_of_its_name():
    rows = rows_of("superb", enh_exps="../x/exp/a_seed3 b", observation_adding="0.1")
    assert [(row.row, row.seed) for row in rows] == [
        ("a_seed3", "3"),
        ("a_seed3_oa0.1", "3"),
        ("b", ""),
        ("b_oa0.1", ""),
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["options"])[:60])
def test_a_table_is_read_as_it_was_written(case, tmp_path):
    rows = rows_of(case["template"], **case["options"])
    text = format_rows(rows)
    assert "\t\t" not in text
    (tmp_path / "systems.tsv").write_text(text)
    assert read_rows(tmp_path / "systems.tsv") == rows


GOOD = format_rows(rows_of("enh_ssl"))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "header"),
        (GOOD.replace("label", "name"), "header"),
        (GOOD + "a\tb\n", "line 3"),
        (GOOD.replace("\tsystem\t", "\tsistem\t"), "line 2"),
        (GOOD.replace("\nenh_train_raw", "\nenh_other"), "line 2"),
    ],
)
def test_a_damaged_table_is_refused(text, word):
    with pytest.raises(UserError, match=word):
        parse_rows(text, "systems.tsv")


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="run the recipe"):
        read_rows(tmp_path / "none.tsv")


def test_the_columns_are_those_that_the_shell_reads():
    assert "\t".join(COLUMNS) == (
        "row\tlabel\tkind\texp\tseed\tconfig\tstart\tfrom\tweight\tdenoiser\tenhanced"
    )


def test_model_that_comes_with_the_package_is_named_without_its_path():
    (row,) = rows_of("enh_ssl", enh_config="a.yaml", init_param="se_debian_small")
    assert Path(row.start).name == "se_debian_small.pth"
    assert Path(row.start).is_absolute()
    (row,) = rows_of("enh_ssl", enh_config="a.yaml", init_param="se_debian_small:x:y")
    assert row.start.endswith("/se_debian_small.pth:x:y")
    (row,) = rows_of("enh_ssl", enh_config="a.yaml", init_param="exp/a.pth:x")
    assert row.start == "exp/a.pth:x"
