"""The tables of an ablation: every setting, and its difference to some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.ablation.settings import Ablation, Setting
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.plan.table import SystemRow
from espnet2_ext.report.cells import SIGNS_NOTE, Cell, Table, number_cell
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import compare_set
from espnet2_ext.report.document import Section
from espnet2_ext.report.sources.scores import SUPERVISED, ScoredSet, scoring_dir
from espnet2_ext.report.systems import CLEAN, NOISY, System, group_systems, losses_of
from espnet2_ext.report.tables import (
    CIRCULAR,
    INTERVAL_NOTE,
    column_difference_cell,
    count_of,
    header,
    left_out_notes,
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
MakeCell = Callable[[str, Column], Cell]


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


def build_section(found: ScoredSet, scored: Scored, compare: Sequence[str]) -> Section:
    """Build a table of values, and one of differences to each of ``compare``."""
    columns = compare_set(found, scored.systems, "").columns
    tables = [_value_table(found.name, columns, scored)]
    tables += [_difference_table(found.name, columns, scored, n) for n in compare]
    return Section(found.name, tuple(tables), scored.left_out)


def _header(column: Column) -> str:
    # other reports mark a column as a whole; here each row has its own loss
    signs = SUPERVISED if column.supervised else ""
    return header(column, column.quantity.label, signs)


def _rows(
    columns: Sequence[Column], scored: Scored, names: Sequence[str], make_cell: MakeCell
) -> tuple[tuple[Cell, ...], ...]:
    """Make the rows ``names``, with marks where a loss aims at the cell."""
    losses = losses_of(scored.systems)
    rows = []
    for name in names:
        cells = [Cell(name), Cell(scored.groups.get(name, ""))]
        for column in columns:
            cell = make_cell(name, column)
            related = relation(column.judges, losses.get(name, ()))
            sign = CIRCULAR if related else ""
            cells.append(Cell(cell.text + sign, cell.verdict))
        rows.append(tuple(cells))
    return tuple(rows)


def _notes(columns: Sequence[Column]) -> list[str]:
    signs = [column.supervised for column in columns if column.supervised]
    return [IN_LOSS, *signs, *left_out_notes(columns)]


def _value_table(name: str, columns: Sequence[Column], scored: Scored) -> Table:
    names = [system.name for system in scored.systems]
    seeds = len(scored.systems[0].rows)
    spread = f"± is the standard deviation over {seeds} seeds."
    return Table(
        f"{name}: all settings",
        ("setting", "varies", *(f"{_header(c)} {count_of(c)}" for c in columns)),
        _rows(
            columns,
            scored,
            [CLEAN, NOISY, *names],
            lambda row, c: number_cell(*c.mean_and_spread(row), c.quantity.digits),
        ),
        (spread if seeds > 1 else "One seed.", *_notes(columns)),
    )


def _difference_table(
    name: str, columns: Sequence[Column], scored: Scored, baseline: str
) -> Table:
    return Table(
        f"{name}: difference to {baseline}",
        ("setting", "varies", *map(_header, columns)),
        _rows(
            columns,
            scored,
            [system.name for system in scored.systems if system.name != baseline],
            lambda row, c: column_difference_cell(c, c.difference(row, baseline)),
        ),
        (
            *(INTERVAL_NOTE.format(items="utterances"), SIGNS_NOTE, BY_CHANCE),
            *_notes(columns),
        ),
    )
