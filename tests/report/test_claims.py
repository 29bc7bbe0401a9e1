"""Which judges decide which claim, and how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.metrics.quantity import JUDGE, SHOWN, Quantity
from espnet2_ext.metrics.statistic import RATIO
from espnet2_ext.plan.table import OBSERVATION_ADDING, SYSTEM, SystemRow
from espnet2_ext.report.circularity import Related
from espnet2_ext.report.claims import (
    PIPELINE,
    TRANSFER,
    can_tell,
    claim_of,
    find_claims,
    judges_of,
)
from espnet2_ext.report.column import RECOGNISER, SET, Column, Run
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import System
from espnet2_ext.report.verdict import headline, headlines
from espnet2_ext.ssl.relation import Upstream

WORDS = 10
COUNT = 40
NAMES = ("SNR", "SNR+OA", "mel", "SSL", "SSL+OA")
UPSTREAMS = {"mel": {"fbank"}, "SSL": {"wavlm_large"}, "SSL+OA": {"wavlm_large"}}


class FixedSystem(System):
    """A system whose losses are given, and not read from a training."""

    @property
    def upstreams(self) -> set[Upstream]:  # type: ignore[override]
        return {Upstream(name) for name in UPSTREAMS.get(self.name, ())}


def systems(*names: str) -> tuple[System, ...]:
    made = []
    for name in names:
        of = name.removesuffix("+OA") if name.endswith("+OA") else ""
        kind = OBSERVATION_ADDING if of else SYSTEM
        row = SystemRow(name, kind, f"exp/{name}", enhanced="e", made_of=of)
        made.append(FixedSystem(name, (row,), (), of))
    return tuple(made)


def judge(
    errors: Mapping[str, float],
    related: Mapping[str, str] | None = None,
    role: str = JUDGE,
    name: str = "j",
) -> Column:
    """Make a judge; ``errors`` of 10 words in each utterance, row by row."""
    rng = np.random.default_rng(len(name))
    rows = {
        row: (
            Run(
                RATIO,
                None,
                Path(name),
                {
                    f"u{n}": (mean + rng.choice([-0.1, 0.1]), WORDS)
                    for n in range(COUNT)
                },
            ),
        )
        for row, mean in errors.items()
    }
    return Column(
        quantity=Quantity(name, name, "%", False, 1, role=role),
        kind=RECOGNISER,
        place={SET: "test"},
        rows=rows,
        count=COUNT,
        item_name="words",
        related=Related("its encoder", related) if related else None,
    )


def view(*columns: Column, names: tuple[str, ...] = NAMES) -> Comparison:
    return Comparison("test", columns, systems(*names), names[0])


BASE = {"clean": 1, "noisy": 5, "SNR": 5, "SNR+OA": 4.5, "mel": 4, "SSL": 3}
BASE |= {"SSL+OA": 3}
AIMED = {"SSL": "same", "SSL+OA": "same"}


@pytest.mark.parametrize(
    ("related", "a", "b", "expected"),
    [
        (None, "SSL", "SNR", TRANSFER),
        (AIMED, "SSL", "SNR", PIPELINE),
        (AIMED, "SSL", "mel", PIPELINE),
        (AIMED, "SSL+OA", "SSL", PIPELINE),
        (AIMED, "SSL", "noisy", PIPELINE),
        (AIMED, "mel", "SNR", TRANSFER),
        (AIMED, "SNR", "noisy", TRANSFER),
        (AIMED, "mel", "SSL", None),  # it would favour what it is compared with
        ({"SSL": "family"}, "SSL", "SNR", None),
        ({"mel": "same"}, "SSL", "mel", None),
        ({"mel": "same"}, "mel", "SNR", PIPELINE),
    ],
)
def test_a_judge_decides_the_claim_of_what_it_listens_through(
    related: Mapping[str, str] | None, a: str, b: str, expected: str | None
) -> None:
    column = judge(BASE, related)
    assert claim_of(column, a, b) == expected
    decided = {n for n, c in find_claims(view(column), a, b).items() if c.judges}
    assert decided == ({expected} if expected else set())


def test_a_claim_is_the_mean_share_of_the_gap() -> None:
    # gaps 4 and 2 of 10 words; SSL is 2 and 0.5 better than SNR: 50 and 25 %
    wide = judge(BASE, name="wide")
    narrow = judge({"clean": 1, "noisy": 3, "SNR": 3, "SSL": 2.5}, name="narrow")
    claim = find_claims(view(wide, narrow), "SSL", "SNR")[TRANSFER]
    assert [column.quantity.key for column in claim.judges] == ["wide", "narrow"]
    found = claim.difference
    assert found is not None
    assert found.value == pytest.approx(37.5, abs=2.5)
    alone = [
        find_claims(view(c), "SSL", "SNR")[TRANSFER].difference for c in (wide, narrow)
    ]
    assert found.value == pytest.approx(np.mean([one.value for one in alone]))
    assert found.low < found.value < found.high
    assert found.verdict(higher_is_better=True) == "better"
    draws = np.mean([one.draws for one in alone], axis=0)
    np.testing.assert_allclose(
        np.percentile(draws, [2.5, 97.5]), (found.low, found.high)
    )


def test_a_judge_that_cannot_tell_clean_from_noisy_decides_nothing() -> None:
    deaf = judge(BASE | {"clean": 5}, name="deaf")
    assert not can_tell(deaf)
    assert can_tell(judge(BASE))
    assert find_claims(view(deaf), "SSL", "SNR")[TRANSFER] == ((), None)
    assert judges_of([deaf]) == {PIPELINE: [], TRANSFER: []}


def test_what_only_is_shown_decides_nothing() -> None:
    shown = judge(BASE, role=SHOWN)
    assert find_claims(view(shown), "SSL", "SNR")[TRANSFER].judges == ()


def test_pairs_ask_what_the_control_and_mixing_do_of_the_loss() -> None:
    assert view(judge(BASE)).pairs == [
        ("mel", "SNR"),
        ("SSL", "SNR"),
        ("SSL", "mel"),
        ("SNR+OA", "SNR"),
        ("SSL+OA", "SSL"),
        ("SSL", "SNR+OA"),
        *((name, "noisy") for name in NAMES),
    ]


def test_sentences_name_the_change_and_what_it_does() -> None:
    aimed = judge(BASE | {"SSL": 6}, AIMED, name="aimed")
    lines = headlines(view(judge(BASE), aimed))
    said = "for the pipeline, it does harm; for transfer, it helps"
    assert lines[:6] == [
        "The control, a loss without a speech model, (mel in place of SNR): for the "
        "pipeline, no judge; for transfer, it helps.",
        f"The SSL loss (SSL in place of SNR): {said}.",
        f"The speech model beyond the control (SSL in place of mel): {said}.",
        "Observation adding (SNR+OA in place of SNR): for recognition, it helps.",
        "Observation adding (SSL+OA in place of SSL): for the pipeline, it helps; for "
        "transfer, neither help nor harm is shown.",
        f"The SSL loss against observation adding (SSL in place of SNR+OA): {said}.",
    ]
    assert lines[-2].startswith("Enhancement by SSL: for the pipeline, it does harm")


def test_the_price_is_named() -> None:
    from espnet2_ext.metrics.registry import quantity_of
    from espnet2_ext.metrics.statistic import MEAN
    from espnet2_ext.report.column import SIGNAL

    rng = np.random.default_rng(0)
    rows = {
        row: (
            Run(
                MEAN,
                None,
                Path(),
                {f"u{n}": (v + rng.normal(0, 0.1), 1) for n in range(9)},
            ),
        )
        for row, v in (("SNR", 8), ("SSL", 7), ("mel", 9))
    }
    snr = Column(quantity_of("SI_SNR"), SIGNAL, {SET: "test"}, rows, 9, "utt")
    shown = view(judge(BASE), snr)
    assert headline(shown, "SSL", "SNR").endswith(
        "it helps; the price: lower SI-SNR test"
    )
    assert "price" not in headline(shown, "mel", "SNR")
