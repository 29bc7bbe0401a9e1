"""What checks of several options together work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from espnet2_ext.plan.systems import Options, words
from espnet2_ext.plan.table import FIRST_STAGE, SystemRow


@dataclass(frozen=True)
class Experiment:
    """The options of a run, and what follows from them.

    Attributes:
        template: whose options.
        options: name -> value.
        stages: the stages that will run.
        rows: the table of systems; empty where its options are wrong.
    """

    template: str
    options: Options
    stages: frozenset[int]
    rows: tuple[SystemRow, ...] = ()

    def __getitem__(self, name: str) -> str:
        """Give the value of an option; one that the template lacks is empty."""
        return self.options.get(name, "")

    def words(self, name: str) -> list[str]:
        """Give the words of an option that is a list."""
        return words(self.options, name)

    def runs(self, *stages: int) -> bool:
        """Tell whether one of these stages will run."""
        return not self.stages.isdisjoint(stages)

    def makes(self, file: str) -> bool:
        """Tell whether a training of this plan writes a file."""
        trained = {Path(row.exp) for row in self.rows if row.kind == FIRST_STAGE}
        return Path(file).parent in trained


class Relation(NamedTuple):
    """A check of options together.

    Attributes:
        options: those that must be there, and right by themselves.
        check: yields whole problems, which name the options.
    """

    options: tuple[str, ...]
    check: Callable[[Experiment], Iterator[str]]
