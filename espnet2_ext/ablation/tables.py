"""The tables of an ablation: every setting, and its difference to some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.ablation.settings import Ablation, Setting
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.metrics.quantity import Quantity
from espnet2_ext.plan.table import SystemRow
from espnet2_ext.report.document import Section
from espnet2_ext.report.results import Row, TestSet, difference, scoring_dir
from espnet2_ext.report.systems import System, group_systems
from espnet2_ext.report.tables import (
    CIRCULAR,
    DIFFERENCE_NOTES,
    Cell,
    Marks,
    Table,
    column_header,
    column_header_with_count,
    column_marks,
    difference_cell,
    excluded_notes,
    judge_of,
    number_cell,
    shown_quantities,
)
from espnet2_ext.ssl.relation import relation

IN_LOSS = (
    f"{CIRCULAR} the upstream that measures this, or a model of its family, is in the "
    "loss of this row, so it is not independent evidence."
)
BY_CHANCE = (
    "One in twenty of such intervals does not hold the true difference: of this many, "
    "some ✔ and ✘ are chance."
)
MakeCell = Callable[[Row, Quantity], Cell]


@dataclass(frozen=True)
class Scored:
    """The settings that are trained and scored with all seeds, and the others.

    Attributes:
        systems: one for each such setting, in the order of the file.
        groups: label -> what the setting varies.
        left_out: why others have no row, a line for each reason.
    """

    systems: tuple[System, ...]
    groups: Mapping[str, str]
    left_out: tuple[str, ...]


def find_scored(
    ablation: Ablation, expdir: Path, seeds: Sequence[str], dumpdir: Path, name: str
) -> Scored:
    """Find the settings with scores of the set ``name``.

    Raises:
        UserError: if a setting that others are compared with is not among them.
    """
    systems, groups = [], {}
    left_out: dict[str, list[str]] = {}  # why -> labels
    for setting in ablation.settings:
        rows = setting.rows(expdir, seeds)
        if why := _unusable(setting, rows, dumpdir, name):
            left_out.setdefault(why, []).append(setting.label)
            if setting.label in ablation.compare:
                raise UserError(
                    f"'{setting.label}', which the others are compared with, is {why}; "
                    "run local/ablate.sh to its end, with the seeds of the table."
                )
        else:
            systems += group_systems(rows)
            groups[setting.label] = setting.group
    lines = [f"left out, {why}: {', '.join(ls)}" for why, ls in left_out.items()]
    return Scored(tuple(systems), groups, tuple(lines))


def _unusable(
    setting: Setting, rows: Sequence[SystemRow], dumpdir: Path, name: str
) -> str:
    """Say why a setting has no row; nothing if it has one."""
    for row in rows:
        scoring = scoring_dir(dumpdir, name, setting.label, row)
        if not (scoring / "scores.jsonl").is_file():
            return "not scored with every seed"
        config = read_yaml(Path(row.exp) / "config.yaml")
        if config.get("criterions") != setting.config["criterions"]:
            return f"trained with another loss than it now has, in {row.exp}"
    return ""


def build_section(test_set: TestSet, scored: Scored, compare: Sequence[str]) -> Section:
    """Build a table of values, and one of differences to each of ``compare``."""
    # other columns are marked as a whole; here each row has its own loss
    marks = {
        key: [mark for mark in found if mark[0] != CIRCULAR]
        for key, found in column_marks(test_set, scored.systems).items()
    }
    tables = [_value_table(test_set, scored, marks)]
    tables += [_difference_table(test_set, scored, marks, name) for name in compare]
    return Section(test_set.name, tuple(tables), scored.left_out)


def _rows(
    test_set: TestSet, scored: Scored, names: Sequence[str], make_cell: MakeCell
) -> tuple[tuple[Cell, ...], ...]:
    """Make the rows ``names``, with marks where a loss aims at the cell."""
    losses = {system.name: system.upstreams for system in scored.systems}
    rows = []
    for name in names:
        cells = [Cell(name), Cell(scored.groups.get(name, ""))]
        for quantity in shown_quantities(test_set):
            cell = make_cell(test_set.row(name), quantity)
            _, judges = judge_of(test_set, quantity)
            sign = CIRCULAR if relation(judges, losses.get(name, ())) else ""
            cells.append(Cell(cell.text + sign, cell.verdict))
        rows.append(tuple(cells))
    return tuple(rows)


def _notes(test_set: TestSet, marks: Marks) -> list[str]:
    columns = shown_quantities(test_set)
    signs = [note for q in columns for _, note in marks.get(q.key, [])]
    return [IN_LOSS, *signs, *excluded_notes(test_set, columns)]


def _value_table(test_set: TestSet, scored: Scored, marks: Marks) -> Table:
    columns = shown_quantities(test_set)
    seeds = len(scored.systems[0].rows)
    spread = f"± is the standard deviation over {seeds} seeds."
    return Table(
        f"{test_set.name}: all settings",
        (
            *("setting", "varies"),
            *(column_header_with_count(test_set, q, marks) for q in columns),
        ),
        _rows(
            test_set,
            scored,
            [row.name for row in test_set.rows],
            lambda row, q: number_cell(*row.mean_and_spread(q.key), q.digits),
        ),
        (spread if seeds > 1 else "One seed.", *_notes(test_set, marks)),
    )


def _difference_table(
    test_set: TestSet, scored: Scored, marks: Marks, baseline: str
) -> Table:
    reference = test_set.row(baseline)
    return Table(
        f"{test_set.name}: difference to {baseline}",
        (
            *("setting", "varies"),
            *(column_header(q, marks) for q in shown_quantities(test_set)),
        ),
        _rows(
            test_set,
            scored,
            [system.name for system in scored.systems if system.name != baseline],
            lambda row, q: difference_cell(
                difference(row, reference, q.key), q.digits, q.higher_is_better
            ),
        ),
        (*DIFFERENCE_NOTES, BY_CHANCE, *_notes(test_set, marks)),
    )
