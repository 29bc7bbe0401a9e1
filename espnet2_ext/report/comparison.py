"""What is compared: columns, rows, and the pairs of rows whose difference is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.column import DOWNSTREAM, RECOGNISER, SIGNAL, Column
from espnet2_ext.report.sources.scores import ScoredSet
from espnet2_ext.report.systems import CLEAN, NOISY, System

JOINT_TITLE = "Joint table"
KINDS = {
    SIGNAL: "signal metrics",
    DOWNSTREAM: "downstream tasks",
    RECOGNISER: "recognisers",
}
# Secondary outputs: in scores.jsonl, but not columns of a table.
HIDDEN_KEYS = ("STOI", "SIG", "BAK")


@dataclass(frozen=True)
class Comparison:
    """The columns of one test set, or of everything that was measured.

    Attributes:
        title: the test set, or `JOINT_TITLE`.
        columns: as they are shown.
        systems: public denoisers, then trained systems.
        baseline: the trained system with which the others are compared.
        joint: whether columns of several kinds and test sets stand side by side.
    """

    title: str
    columns: tuple[Column, ...]
    systems: tuple[System, ...]
    baseline: str
    joint: bool = False

    @property
    def rows(self) -> list[str]:
        """Names of the rows: clean, noisy, denoisers, trained systems."""
        return [CLEAN, NOISY, *(system.name for system in self.systems)]

    @property
    def seeds(self) -> dict[str, int]:
        """Number of seeds of each trained system."""
        return {s.name: len(s.rows) for s in self.systems if s.trained}

    @property
    def main_pairs(self) -> list[tuple[str, str]]:
        """Pairs of rows that a reader asks for, in that order.

        What a speech model in the loss does in place of the baseline, of a control, and
        of the baseline mixed with noisy speech; what these two do by themselves; other
        systems; what enhancement does at all.
        """
        trained = [system for system in self.systems if system.trained]
        plain = [system for system in trained if not system.adds_observation]
        free = [s.name for s in trained if s.of == self.baseline]
        models = [s.name for s in plain if s.has_speech_model]
        controls = [s.name for s in plain if s.is_control]
        others = [s.name for s in plain if s.name != self.baseline]
        pairs = [
            (name, other)
            for name in models
            for other in (self.baseline, *controls, *free)
            if name != other
        ]
        pairs += [(name, self.baseline) for name in (*controls, *free, *others)]
        if self._judged:
            mixed = [s.name for s in self.systems if s.adds_observation]
            names = [s.name for s in self.systems if s.name not in mixed]
            pairs += [(name, NOISY) for name in names]
        return [(a, b) for a, b in dict.fromkeys(pairs) if a != b]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All pairs: those of `main_pairs`, and what mixing does to each system."""
        mixed = [system for system in self.systems if system.adds_observation]
        pairs = [*self.main_pairs, *((s.name, s.of) for s in mixed)]
        if self._judged:
            pairs += [(system.name, NOISY) for system in mixed]
        return list(dict.fromkeys(pairs))

    @property
    def _judged(self) -> bool:
        return self.joint or any(column.is_judge for column in self.columns)

    def is_compared(self, column: Column, other: str) -> bool:
        """Whether the difference is shown: to noisy, in a set, that of judges."""
        return self.joint or other != NOISY or column.is_judge

    def differences(self, a: str, b: str) -> Iterator[tuple[Column, Difference]]:
        """Give the columns that have a difference of these rows, and it."""
        for column in self.columns:
            found = column.difference(a, b) if self.is_compared(column, b) else None
            if found is not None:
                yield column, found

    def worse(self, a: str, b: str) -> list[tuple[Column, Difference]]:
        """List the columns in which the number of ``a`` is worse than that of ``b``."""
        if a in (CLEAN, NOISY) or (b == self.baseline and a not in self.seeds):
            return []
        return [(c, d) for c, d in self.differences(a, b) if c.worse(d.value, 0)]


def compare_set(
    scored: ScoredSet, systems: Sequence[System], baseline: str
) -> Comparison:
    """Compare the systems on one test set."""
    shown = tuple(c for c in scored.columns if c.quantity.key not in HIDDEN_KEYS)
    return Comparison(scored.name, shown, tuple(systems), baseline)


def compare_all(
    scored: Sequence[ScoredSet],
    further: Sequence[Column],
    systems: Sequence[System],
    baseline: str,
) -> Comparison:
    """Compare the systems on everything: signal, downstream tasks, recognisers."""
    columns = [c for s in scored for c in compare_set(s, systems, baseline).columns]
    kinds = list(KINDS)
    columns = sorted([*columns, *further], key=lambda c: kinds.index(c.kind))
    return Comparison(JOINT_TITLE, tuple(columns), tuple(systems), baseline, joint=True)
