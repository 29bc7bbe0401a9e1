"""The two claims about a row of the table, decided by what recognises its speech.

*Pipeline* (Sato et al., 2023): a downstream model listens through the SSL model that is
in the loss; who puts enhancement before a given SSL model wants exactly this.
*Transfer*: it listens through another model, or is one that the loss has never seen.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import CLEAN, NOISY

PIPELINE, TRANSFER = "pipeline", "transfer"
CLAIMS = (PIPELINE, TRANSFER)


class Claim(NamedTuple):
    """What the judges of a claim say of two rows.

    Attributes:
        judges: the columns.
        difference: by how many points more one row closes the gap between noisy (0)
            and clean (100), mean over the judges; ``None`` without judges.
    """

    judges: tuple[Column, ...]
    difference: Difference | None


def can_tell(column: Column) -> bool:
    """Tell whether a judge is shown to hear that clean speech is better than noisy."""
    found = column.difference(CLEAN, NOISY)
    return found is not None and (
        found.verdict(column.quantity.higher_is_better) == "better"
    )


def claim_of(column: Column, a: str, b: str) -> str | None:
    """Say which claim a judge decides on row ``a`` in place of ``b``, if one.

    None, where it listens through a model of the same family only, or through one that
    is in the loss of ``b`` alone.
    """
    if column.relation(a) == "same":
        return PIPELINE
    return None if column.relation(a) or column.relation(b) else TRANSFER


def judges_of(columns: Sequence[Column]) -> dict[str, list[Column]]:
    """Sort the judges that can tell by claim, as seen from all rows together."""
    judges = [column for column in columns if column.is_judge and can_tell(column)]
    return {
        PIPELINE: [
            c for c in judges if c.related and "same" in c.related.kinds.values()
        ],
        TRANSFER: [c for c in judges if not c.related],
    }


def find_claims(view: Comparison, a: str, b: str) -> dict[str, Claim]:
    """Decide both claims on row ``a`` in place of ``b``, each by its own judges."""
    judges: dict[str, list[Column]] = {name: [] for name in CLAIMS}
    for column, _ in view.differences(a, b):
        name = claim_of(column, a, b)
        if name is not None and column.is_judge and can_tell(column):
            judges[name].append(column)
    return {
        name: Claim(tuple(found), _mean_gap_difference(found, a, b))
        for name, found in judges.items()
    }


def _mean_gap_difference(judges: Sequence[Column], a: str, b: str) -> Difference | None:
    """Average the differences of several judges, each in percent of its own gap.

    The gap is taken as it was measured; draws of judges that heard the same utterances
    are draws of the same utterances.
    """
    found = []
    for column in judges:
        difference, gap = column.difference(a, b), column.difference(CLEAN, NOISY)
        assert difference is not None
        assert gap is not None  # `can_tell`
        found.append((difference, 100 / gap.value))
    if not found:
        return None
    value = statistics.fmean(scale * each.value for each, scale in found)
    count = min(each.count for each, _ in found)
    draws = [each.draws * scale for each, scale in found if each.draws is not None]
    if len(draws) < len(found):
        return Difference(value, None, None, count)
    length = min(map(len, draws))
    mean = np.mean([each[:length] for each in draws], axis=0)
    low, high = np.percentile(mean, [2.5, 97.5])
    return Difference(value, float(low), float(high), count, mean)
