"""Which utterances a column is made of: those that every row has a value for.

A mean over the utterances a system got right is no mean to compare. So an utterance
that some row has no value for (`espnet2_ext.metrics.limits`, a crash) counts in no row
of that column; the header says how many are left, the notes which and why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from espnet2_ext.errors import shorten
from espnet2_ext.metrics.collect import Score, reason_of

Run = Mapping[str, Score]


class Loss(NamedTuple):
    """A value that does not exist: of which utterance and row, and why."""

    utt: str
    row: str
    reason: str


def find_losses(runs: Sequence[tuple[str, Run]], key: str) -> list[Loss]:
    """List the values of ``key`` that do not exist, in runs that have others.

    A run without any value (clean speech has no SI-SNR) is no judge of utterances.

    Args:
        runs: (name of the row, scores), one for each seed.
        key: of a score line.
    """
    found = []
    for row, run in runs:
        if all(score.get(key) is None for score in run.values()):
            continue
        found += [
            Loss(utt, row, reason_of(score, key))
            for utt, score in run.items()
            if key in score and score[key] is None
        ]
    return found


def without(run: Run, losses: Mapping[str, Sequence[Loss]]) -> dict[str, Score]:
    """Return the run with ``None`` where some row has lost the utterance."""
    lost = {key: {loss.utt for loss in found} for key, found in losses.items()}
    return {
        utt: {
            key: None if utt in lost.get(key, ()) else value
            for key, value in score.items()
        }
        for utt, score in run.items()
    }


def describe(label: str, losses: Sequence[Loss]) -> list[str]:
    """Write one note for all rows that have lost the same utterances of a column."""
    by_row: dict[str, dict[str, list[str]]] = {}
    for loss in losses:
        by_row.setdefault(loss.row, {}).setdefault(loss.utt, []).append(loss.reason)
    groups: dict[tuple[str, ...], list[str]] = {}
    for row, found in by_row.items():
        groups.setdefault(tuple(found), []).append(row)
    notes = []
    for utts, rows in groups.items():
        count = sum(len(seeds) for row in rows for seeds in by_row[row].values())
        reasons = by_row[rows[0]]
        named = [f"{utt} ({reasons[utt][0] or 'no reason given'})" for utt in utts]
        of = ", ".join(f"'{row}'" for row in rows)
        notes.append(
            f"{label}: {count} values of {of} do not exist, so no row counts "
            f"{shorten(named)}."
        )
    return notes
