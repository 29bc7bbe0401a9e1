"""Say in words what the intervals show, whichever way it went."""

from __future__ import annotations

from collections.abc import Sequence

from espnet2_ext.metrics.quantity import Quantity
from espnet2_ext.report.results import Row, TestSet, difference
from espnet2_ext.report.systems import NOISY, System
from espnet2_ext.report.tables import comparisons, dependent_columns


def _sorted_labels(
    a: Row, b: Row, quantities: Sequence[Quantity]
) -> dict[str, list[str]]:
    labels: dict[str, list[str]] = {"better": [], "worse": [], "undecided": []}
    for quantity in quantities:
        found = difference(a, b, quantity.key)
        if found is not None:
            verdict = found.verdict(quantity.higher_is_better)
            labels[verdict].append(quantity.label)
    return labels


def _judgement(labels: dict[str, list[str]], subject: str) -> str:
    if labels["better"] and labels["worse"]:
        return f"{subject} depends on the recogniser"
    if labels["better"]:
        return f"{subject} helps"
    if labels["worse"]:
        return f"{subject} does not help: it does harm"
    return f"{subject} is not shown to help"


def _listing(labels: dict[str, list[str]]) -> str:
    words = {"better": "better", "worse": "worse", "undecided": "no difference shown"}
    parts = [f"{words[v]}: {', '.join(names)}" for v, names in labels.items() if names]
    return "; ".join(parts) if parts else "nothing to compare"


def _subject(a: Row, b: Row, with_ssl: set[str], adding: set[str]) -> str:
    if b.name == NOISY:
        return f"enhancement by {a.name}"
    exchange = f"{a.name} in place of {b.name}"
    only_ssl = (a.name in adding) == (b.name in adding)
    if only_ssl and a.name in with_ssl and b.name not in with_ssl:
        return f"the SSL loss ({exchange})"
    return exchange


def verdicts(test_set: TestSet, systems: Sequence[System], baseline: str) -> list[str]:
    """Write one line per comparison.

    Recognisers that are not related to a loss decide, and quantities that a loss aims
    at are not listed; where no such recogniser was run, the line says so.
    """
    dependent = dependent_columns(test_set, systems)
    with_ssl = {system.name for system in systems if system.upstreams}
    adding = {system.name for system in systems if system.adds_observation}
    lines = []
    for a, b, compared in comparisons(test_set, baseline):
        fair = [q for q in compared if q.key not in dependent]
        judged = _sorted_labels(a, b, [q for q in fair if q.is_error_count])
        subject = _subject(a, b, with_ssl, adding)
        if any(judged.values()):
            line = f"for recognition, {_judgement(judged, subject)}"
        else:
            line = f"no independent recogniser judged {subject}"
        listing = _listing(_sorted_labels(a, b, fair))
        lines.append(f"{test_set.name}: {line} ({listing}).")
    return lines
