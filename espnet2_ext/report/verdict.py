"""Say in words what the intervals show, whichever way it went."""

from __future__ import annotations

from collections.abc import Iterable

from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import KINDS, Comparison
from espnet2_ext.report.systems import NOISY

WAYS = {"better": "better", "worse": "worse", "undecided": "no difference shown"}
Labels = dict[str, list[str]]  # better, worse, undecided -> names of columns


def _by_way(found: Iterable[tuple[str, Column, Difference]]) -> Labels:
    labels: Labels = {way: [] for way in WAYS}
    for label, column, difference in found:
        labels[difference.verdict(column.quantity.higher_is_better)].append(label)
    return labels


def _judgement(labels: Labels, subject: str) -> str:
    if labels["better"] and labels["worse"]:
        return f"{subject} depends on the recogniser"
    if labels["better"]:
        return f"{subject} helps"
    if labels["worse"]:
        return f"{subject} does not help: it does harm"
    return f"{subject} is not shown to help"


def _listing(labels: Labels) -> str:
    parts = [f"{WAYS[v]}: {', '.join(names)}" for v, names in labels.items() if names]
    return "; ".join(parts) if parts else "nothing to compare"


def _subject(view: Comparison, a: str, b: str) -> str:
    if b == NOISY:
        return f"enhancement by {a}"
    exchange = f"{a} in place of {b}"
    with_ssl = {system.name for system in view.systems if system.upstreams}
    adding = {system.name for system in view.systems if system.adds_observation}
    only_ssl = (a in adding) == (b in adding)
    if only_ssl and a in with_ssl and b not in with_ssl:
        return f"the SSL loss ({exchange})"
    return exchange


def _judge(view: Comparison, a: str, b: str) -> tuple[str, str]:
    """Return what is said of two rows, and the columns by how they differ."""
    fair = [
        (column.quantity.label, column, difference)
        for column, difference in view.differences(a, b)
        if not column.circular
    ]
    judged = _by_way(found for found in fair if found[1].is_rate)
    subject = _subject(view, a, b)
    listing = _listing(_by_way(fair))
    if any(judged.values()):
        return f"for recognition, {_judgement(judged, subject)}", listing
    return f"no independent recogniser judged {subject}", listing


def headlines(view: Comparison) -> list[str]:
    """Write one line per comparison on a test set, without its columns."""
    return [_judge(view, a, b)[0] for a, b in view.pairs]


def verdicts(view: Comparison) -> list[str]:
    """Write one line per comparison on a test set.

    Recognisers that are not related to a loss decide, and quantities that a loss aims
    at are not listed; where no such recogniser was run, the line says so.
    """
    judged = [_judge(view, a, b) for a, b in view.pairs]
    return [f"{view.title}: {line} ({listing})." for line, listing in judged]


def joint_verdicts(view: Comparison) -> list[str]:
    """Say in one line per comparison how many columns, and which, went which way.

    Columns that the loss of one of the two aims at are not counted.
    """
    lines = []
    for a, b in view.pairs:
        parts = []
        for kind, name in KINDS.items():
            ways = _by_way(
                (column.label, column, difference)
                for column, difference in view.differences(a, b)
                if column.kind == kind and column.independent(a, b)
            )
            if any(ways.values()):
                counts = ", ".join(
                    f"{len(labels)} {way}"
                    + (f" ({', '.join(labels)})" if way == "worse" and labels else "")
                    for way, labels in ways.items()
                )
                parts.append(f"{name}: {counts}")
        if parts:
            lines.append(f"{a} against {b}: {'; '.join(parts)}.")
    return lines
