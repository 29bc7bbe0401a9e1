"""``systems.tsv``: what is compared, a line for each model or other source of audio.

Tab-separated, with a header. An empty field is ``-``, as bash's ``read`` joins tabs
that follow each other. The order of lines is the order in tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.errors import UserError, brief

COLUMNS = (
    *("row", "label", "kind", "exp", "seed", "config", "start"),
    *("from", "weight", "denoiser", "enhanced"),
)
EMPTY = "-"
FIRST_STAGE, SYSTEM = "first_stage", "system"
OBSERVATION_ADDING, DENOISER = "observation_adding", "denoiser"
KINDS = (FIRST_STAGE, SYSTEM, OBSERVATION_ADDING, DENOISER)


def base_name(path: str, suffix: str = "") -> str:
    """Give what the command ``basename PATH SUFFIX`` prints."""
    name = path.rstrip("/").rpartition("/")[2] or path[:1]
    return name.removesuffix(suffix) if name != suffix else name


@dataclass(frozen=True)
class SystemRow:
    """A line of the table; the empty text stands for what a row does not have.

    Attributes:
        label: the printed name; rows with one label are seeds of one system.
        kind: ``first_stage`` (training of --init_config; in no table of results),
            ``system``, ``observation_adding`` or ``denoiser``.
        exp: the experiment directory.
        seed: of the training.
        config: YAML of the training.
        start: --init_param of the training.
        made_of: the row whose enhanced audio this row mixes; column ``from``.
        weight: of the noisy audio in that mixture.
        denoiser: name of a public denoiser.
        enhanced: enhanced audio is in ``EXP/<enhanced>_<set>``.
    """

    label: str
    kind: str
    exp: str
    seed: str = ""
    config: str = ""
    start: str = ""
    made_of: str = ""
    weight: str = ""
    denoiser: str = ""
    enhanced: str = ""

    @property
    def row(self) -> str:
        """The unique name: the last part of the directory."""
        return base_name(self.exp)

    @property
    def fields(self) -> tuple[str, ...]:
        """The values in the order of `COLUMNS`."""
        return (
            *(self.row, self.label, self.kind, self.exp, self.seed, self.config),
            *(self.start, self.made_of, self.weight, self.denoiser, self.enhanced),
        )


def format_rows(rows: Iterable[SystemRow]) -> str:
    """Write the table as text, with the header and a line feed at the end."""
    lines = [COLUMNS, *([field or EMPTY for field in row.fields] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def parse_rows(text: str, where: str) -> list[SystemRow]:
    """Read the table.

    Args:
        text: of the file.
        where: its name, for messages.

    Raises:
        UserError: if the header, the number of fields, a kind or a row's name is not
            as `format_rows` writes it.
    """
    header, *lines = text.splitlines() or [""]
    if tuple(header.split("\t")) != COLUMNS:
        raise UserError(
            f"{where}: found the header {brief(header)}; expected the columns "
            f"{' '.join(COLUMNS)}; run the recipe again, which writes it."
        )
    rows = []
    for number, line in enumerate(lines, start=2):
        fields = ["" if word == EMPTY else word for word in line.split("\t")]
        row = SystemRow(*fields[1:]) if len(fields) == len(COLUMNS) else None
        if row is None or row.kind not in KINDS or row.row != fields[0]:
            raise UserError(
                f"{where}, line {number}: found {brief(line)}; expected the fields "
                f"{' '.join(COLUMNS)}; run the recipe again, which writes them."
            )
        rows.append(row)
    return rows


def read_rows(path: Path) -> list[SystemRow]:
    """Read ``systems.tsv``.

    Raises:
        UserError: if it cannot be read, or as `parse_rows`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}); expected the table of systems; run the "
            "recipe, which writes it at its start."
        ) from error
    return parse_rows(text, str(path))
