"""The rows of a report: the systems of ``exp/systems.tsv``, seeds together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.plan.table import (
    DENOISER,
    FIRST_STAGE,
    OBSERVATION_ADDING,
    SystemRow,
    read_rows,
)
from espnet2_ext.report.circularity import of_losses
from espnet2_ext.ssl.relation import Upstream, is_filter_bank

CLEAN, NOISY = "clean", "noisy"
Origin = SystemRow | None  # what made the audio of a run; None: clean and noisy


@dataclass(frozen=True)
class System:
    """A trained system or a public denoiser: one row of the table for each seed.

    Attributes:
        name: the printed name.
        rows: of ``systems.tsv``, one for each seed.
        trainings: the directories of the trainings behind the rows; none of a denoiser.
        of: name of the system whose output is mixed with noisy speech; else empty.
    """

    name: str
    rows: tuple[SystemRow, ...]
    trainings: tuple[Path, ...]
    of: str = ""

    @property
    def trained(self) -> bool:
        """Whether it was trained here: a public denoiser has no losses and no seeds."""
        return self.rows[0].kind != DENOISER

    @property
    def adds_observation(self) -> bool:
        """Whether it is a trained system with observation adding."""
        return self.rows[0].kind == OBSERVATION_ADDING

    @cached_property
    def upstreams(self) -> set[Upstream]:
        """The upstreams in its losses, from ``config.yaml`` of each training."""
        return {found for folder in self.trainings for found in of_losses(folder)}

    @property
    def has_speech_model(self) -> bool:
        """Whether its loss has an upstream that is more than a filter bank."""
        return any(not is_filter_bank(found) for found in self.upstreams)

    @property
    def is_control(self) -> bool:
        """Whether its loss has a filter bank in place of a speech model."""
        return bool(self.upstreams) and not self.has_speech_model


def read_systems(path: Path) -> list[System]:
    """Read the systems that a report compares, in the order of its tables.

    Raises:
        UserError: if the table is broken, has no trained system, gives two systems one
            name, or names a directory that does not exist.
    """
    rows = [row for row in read_rows(path) if row.kind != FIRST_STAGE]
    if missing := [row.exp for row in rows if not Path(row.exp).is_dir()]:
        raise UserError(
            f"{path}: no such directory: {shorten(missing)}; run stages 6 and 7."
        )
    systems = group_systems(rows)
    for system in systems:
        kinds = {(row.kind, row.weight, row.denoiser) for row in system.rows}
        if system.name in (CLEAN, NOISY) or len(kinds) > 1:
            raise UserError(
                f"{path}: the name '{system.name}' is taken; choose another "
                "--enh_label."
            )
    if not any(system.trained for system in systems):
        raise UserError(f"{path}: found no trained system; expected one to report on.")
    return systems


def group_systems(rows: Sequence[SystemRow]) -> list[System]:
    """Make one system of all rows with one label."""
    by_row = {row.row: row for row in rows}
    by_label: dict[str, list[SystemRow]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    return [
        System(
            label,
            tuple(found),
            tuple(
                Path(by_row[row.made_of].exp if row.made_of else row.exp)
                for row in found
                if row.kind != DENOISER
            ),
            by_row[found[0].made_of].label if found[0].made_of else "",
        )
        for label, found in by_label.items()
    ]


def origins(systems: Sequence[System]) -> list[tuple[str, Origin]]:
    """List ``(name, origin)`` of each run: clean, noisy, then every seed."""
    seeds = [(system.name, row) for system in systems for row in system.rows]
    return [(CLEAN, None), (NOISY, None), *seeds]


def enhanced_dir(row: SystemRow, test_set: str) -> Path:
    """Return where stage 7 writes the enhanced audio of a test set."""
    return Path(row.exp) / f"{row.enhanced}_{test_set}"


def losses_of(systems: Sequence[System]) -> dict[str, set[Upstream]]:
    """Return the name of each system -> the upstreams in its losses."""
    return {system.name: system.upstreams for system in systems}
