"""The two claims about a row of the table, decided by what recognises its speech.

*Pipeline* (Sato et al., 2023): a downstream model listens through the SSL model that is
in the loss; who puts enhancement before a given SSL model wants exactly this.
*Transfer*: it listens through another model, or is one that no loss has ever seen.
Each is decided for what is said and for who says it, as a loss may gain one and lose
the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from espnet2_ext.metrics.quantity import CONTENT, EMOTION, SPEAKER
from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import CLEAN, NOISY

PIPELINE, TRANSFER = "pipeline", "transfer"
ASPECTS = (CONTENT, SPEAKER, EMOTION)
Key = tuple[str, str]  # which claim, and what of speech
SHARPEST = 1e-3  # least standard error of a gap, as a part of it
KEYS: tuple[Key, ...] = tuple((c, a) for c in (PIPELINE, TRANSFER) for a in ASPECTS)


class Claim(NamedTuple):
    """What the judges of a claim say of two rows.

    Attributes:
        judges: the columns.
        difference: how much more of the gap between noisy (0) and clean (100) one row
            closes, in %, mean over the judges.
    """

    judges: tuple[Column, ...]
    difference: Difference


def can_tell(column: Column) -> bool:
    """Tell whether a judge is shown to hear that clean speech is better than noisy."""
    found = column.difference(CLEAN, NOISY)
    return found is not None and (
        found.verdict(column.quantity.higher_is_better) == "better"
    )


def claim_of(column: Column, view: Comparison, a: str = "", b: str = "") -> str | None:
    """Say which claim a judge decides on row ``a`` in place of row ``b``, if one.

    Of rows without a speech model in their losses, and of none: the pipeline is that of
    the other rows of the table. None, where it listens through a filter bank that is in
    the loss of a row, through a model of the same family only, or through one that is
    in the loss of ``b`` alone.
    """
    models = {system.name for system in view.systems if system.has_speech_model}
    kinds = dict(column.related.kinds) if column.related else {}
    own, other = kinds.get(a), kinds.get(b)
    if (own and a not in models) or (other and b not in models):
        return None
    if {a, b} & models:
        if a in models and own == "same":
            return PIPELINE
        return None if own or other else TRANSFER
    of_models = {kind for name, kind in kinds.items() if name in models}
    if "same" in of_models:
        return PIPELINE
    return None if of_models else TRANSFER


def find_claims(view: Comparison, a: str, b: str) -> dict[Key, Claim]:
    """Decide both claims on row ``a`` in place of ``b``, each by its own judges.

    Claims without a judge are not there.
    """
    columns = [column for column, _ in view.differences(a, b)]
    return {
        key: Claim(tuple(judges), _share(judges, a, b))
        for key, judges in _sort(columns, view, a, b).items()
    }


def judges_of(view: Comparison) -> dict[Key, list[Column]]:
    """Sort the judges that can tell by claim, as seen from the whole table."""
    return _sort(view.columns, view)


def _sort(
    columns: Iterable[Column], view: Comparison, a: str = "", b: str = ""
) -> dict[Key, list[Column]]:
    found: dict[Key, list[Column]] = {key: [] for key in KEYS}
    for column in columns:
        claim = claim_of(column, view, a, b) if column.is_judge else None
        if claim is not None and can_tell(column):
            found[claim, column.quantity.aspect].append(column)
    return {key: judges for key, judges in found.items() if judges}


def _share(judges: Sequence[Column], a: str, b: str) -> Difference:
    """Average by how much more of each judge's gap ``a`` closes than ``b``, in %.

    A judge counts by how sharply it tells clean from noisy: its gap over the standard
    error of the gap, squared, which does not look at the rows. Gaps are taken as they
    were measured; draws of judges that heard the same utterances are draws of the same
    utterances.
    """
    found, scales, weights = [], [], []
    for column in judges:
        difference, gap = column.difference(a, b), column.difference(CLEAN, NOISY)
        assert difference is not None
        assert gap is not None
        assert gap.draws is not None  # `can_tell`
        found.append(difference)
        scales.append(100 / gap.value)
        error = max(float(np.std(gap.draws)), SHARPEST * abs(gap.value))
        weights.append((gap.value / error) ** 2)
    shares = np.array(weights) / sum(weights)
    value = float(
        sum(w * s * d.value for w, s, d in zip(shares, scales, found, strict=True))
    )
    count = min(difference.count for difference in found)
    draws = [difference.draws for difference in found if difference.draws is not None]
    if len(draws) < len(found):
        return Difference(value, None, None, count)
    length = min(map(len, draws))
    parts = zip(shares, scales, draws, strict=True)
    mean = np.sum([w * s * each[:length] for w, s, each in parts], axis=0)
    low, high = np.percentile(mean, [2.5, 97.5])
    return Difference(value, float(low), float(high), count, mean)


def share_closed(judges: Sequence[Column], row: str) -> float | None:
    """Return the share in % of the gap that a row closes, mean over judges: 0 is noisy.

    None, where a judge has no value of the row.
    """
    if row == CLEAN:
        return 100.0
    if any(row != NOISY and column.difference(row, NOISY) is None for column in judges):
        return None
    return 0.0 if row == NOISY else _share(judges, row, NOISY).value
