"""Say in words what the intervals show, whichever way it went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from espnet2_ext.metrics.quantity import QUALITY
from espnet2_ext.report.cells import PIPELINE_SIGN
from espnet2_ext.report.claims import PIPELINE, TRANSFER, Claim, Key, find_claims
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import NOISY, System

WAYS = {"better": "better", "worse": "worse", "undecided": "no difference shown"}
ENHANCEMENT = "Enhancement"
SSL_LOSS = "The SSL loss"
BEYOND_CONTROL = "The speech model beyond the control"
PRICE_KEYS = ("SI_SNR", "PESQ_WB")  # named in a sentence; the tables have all


def subject(view: Comparison, a: str, b: str) -> str:
    """Say what is compared where row ``a`` stands in place of row ``b``."""
    change = change_of(view, a, b)
    return f"{change} by {a}" if b == NOISY else f"{change} ({a} in place of {b})"


def change_of(view: Comparison, a: str, b: str) -> str:
    """Name the kind of change that row ``a`` is in place of row ``b``."""
    systems = {system.name: system for system in view.systems}
    return ENHANCEMENT if b == NOISY else _change(systems[a], systems[b])


def _change(a: System, b: System) -> str:
    if a.of == b.name:
        return "Observation adding"
    if a.adds_observation:
        return "Another system"
    if a.has_speech_model and b.adds_observation and not b.upstreams:
        return "The SSL loss against observation adding"
    if a.has_speech_model and b.is_control:
        return BEYOND_CONTROL
    if a.has_speech_model and not b.upstreams:
        return SSL_LOSS
    if a.is_control and not b.upstreams:
        return "The control, a loss without a speech model,"
    return "Another system"


def conclude(claims: Mapping[Key, Claim], name: str) -> str:
    """Say in words what the judges of a claim show, for each aspect of speech."""
    said = [
        f"{aspect} {WAYS[claim.difference.verdict(higher_is_better=True)]}"
        for (claimed, aspect), claim in claims.items()
        if claimed == name
    ]
    return ", ".join(said) or "no judge"


def _lowered(view: Comparison, a: str, b: str) -> Iterator[Column]:
    for column, difference in view.differences(a, b):
        quantity = column.quantity
        named = quantity.role == QUALITY and quantity.key in PRICE_KEYS
        if named and difference.verdict(quantity.higher_is_better) == "worse":
            yield column


def headline(view: Comparison, a: str, b: str) -> str:
    """Say in one line what row ``a`` does in place of row ``b``, without numbers."""
    claims = find_claims(view, a, b)
    said = [f"for transfer, {conclude(claims, TRANSFER)}"]
    if any(system.has_speech_model for system in view.systems):
        said.insert(0, f"for the pipeline, {conclude(claims, PIPELINE)}")
    lowered = dict.fromkeys(c.quantity.label for c in _lowered(view, a, b))
    if b != NOISY and lowered:
        said.append(f"the price: lower {', '.join(lowered)}")
    return f"{subject(view, a, b)}: {'; '.join(said)}"


def headlines(view: Comparison) -> list[str]:
    """Write one line for each main comparison, without the judges."""
    return [f"{headline(view, a, b)}." for a, b in view.main_pairs]


def _listing(view: Comparison, a: str, b: str) -> str:
    """List the judges of both claims by how the rows differ."""
    ways: dict[str, list[str]] = {way: [] for way in WAYS}
    for claim in find_claims(view, a, b).values():
        for column in claim.judges:
            difference = column.difference(a, b)
            assert difference is not None  # `find_claims`
            verdict = difference.verdict(column.quantity.higher_is_better)
            label = column.label if view.joint else column.quantity.label
            ways[verdict].append(label + (PIPELINE_SIGN if column.related else ""))
    parts = [f"{WAYS[v]}: {', '.join(names)}" for v, names in ways.items() if names]
    return "; ".join(parts) or "nothing to compare"


def verdicts(view: Comparison) -> list[str]:
    """Write one line per comparison, with what each judge shows."""
    return [
        f"{view.title}: {headline(view, a, b)} ({_listing(view, a, b)})."
        for a, b in view.pairs
    ]
