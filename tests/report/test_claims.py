"""Which judges decide which claim, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from espnet2_ext.metrics.quantity import CONTENT, JUDGE, SHOWN, SPEAKER, Quantity
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.metrics.statistic import MEAN, RATIO
from espnet2_ext.plan.table import OBSERVATION_ADDING, SYSTEM, SystemRow
from espnet2_ext.report.circularity import Related
from espnet2_ext.report.claims import (
    PIPELINE,
    TRANSFER,
    can_tell,
    claim_of,
    find_claims,
    judges_of,
    share_closed,
)
from espnet2_ext.report.column import RECOGNISER, SET, SIGNAL, Column, Run
from espnet2_ext.report.comparison import Comparison
from espnet2_ext.report.systems import System
from espnet2_ext.report.verdict import headline, headlines
from espnet2_ext.ssl.relation import Upstream

WORDS = 10
COUNT = 40
NAMES = ("SNR", "SNR+OA", "mel", "SSL", "SSL+OA")
UPSTREAMS = {
    "mel": {"fbank"},
    "SSL": {"wavlm_large"},
    "SSL+OA": {"wavlm_large"},
    "other": {"data2vec"},
}


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
    spread: float = 0.1,
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
                    f"u{n}": (mean + rng.choice([-spread, spread]), WORDS)
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


def values(mean: float, spread: float, rng: np.random.Generator) -> dict:
    """Make the items of a mean."""
    return {f"u{n}": (mean + rng.normal(0, spread), 1) for n in range(COUNT)}


BASE = {"clean": 1, "noisy": 5, "SNR": 5, "SNR+OA": 4.5, "mel": 4, "SSL": 3}
BASE |= {"SSL+OA": 3}
AIMED = {"SSL": "same", "SSL+OA": "same"}
CONTENT_OF = {name: (name, CONTENT) for name in (PIPELINE, TRANSFER)}


@pytest.mark.parametrize(
    ("related", "a", "b", "expected"),
    [
        (None, "SSL", "SNR", TRANSFER),
        (AIMED, "SSL", "SNR", PIPELINE),
        (AIMED, "SSL", "mel", PIPELINE),
        (AIMED, "SSL+OA", "SSL", PIPELINE),
        (AIMED, "SSL", "noisy", PIPELINE),
        # without a speech model in their losses: the pipeline is that of SSL
        (AIMED, "mel", "SNR", PIPELINE),
        (AIMED, "SNR+OA", "SNR", PIPELINE),
        (AIMED, "SNR", "noisy", PIPELINE),
        (AIMED, "mel", "SSL", None),  # it would favour what it is compared with
        ({"SSL": "family"}, "SSL", "SNR", None),
        ({"SSL": "family"}, "SNR", "noisy", None),
        ({"mel": "same"}, "SSL", "mel", None),
        ({"mel": "same"}, "mel", "SNR", None),  # a filter bank is no pipeline
        ({"mel": "same"}, "SSL", "SNR", TRANSFER),
        ({"mel": "same"}, "SNR", "noisy", TRANSFER),
    ],
)
def test_a_judge_decides_the_claim_of_what_it_listens_through(
    related: Mapping[str, str] | None, a: str, b: str, expected: str | None
) -> None:
    shown = view(judge(BASE, related))
    (column,) = shown.columns
    assert claim_of(column, shown, a, b) == expected
    decided = {name for name, _ in find_claims(shown, a, b)}
    assert decided == ({expected} if expected else set())


def test_a_loss_with_another_model_is_judged_for_transfer() -> None:
    # two SSL systems: the judge listens through the model of the first
    column = judge(BASE | {"other": 4}, {"SSL": "same"})
    shown = view(column, names=("SNR", "SSL", "other"))
    assert claim_of(column, shown, "other", "SNR") == TRANSFER
    assert claim_of(column, shown, "SSL", "SNR") == PIPELINE
    assert claim_of(column, shown, "SNR", "noisy") == PIPELINE


def test_a_claim_is_the_mean_share_of_the_gap_that_is_closed() -> None:
    # gaps of 40 and 20 points; SSL is 20 and 5 points better than SNR: 50 and 25 %
    wide = judge(BASE, name="wide")
    narrow = judge({"clean": 1, "noisy": 3, "SNR": 3, "SSL": 2.5}, name="narrow")
    claim = find_claims(view(wide, narrow), "SSL", "SNR")[CONTENT_OF[TRANSFER]]
    assert [column.quantity.key for column in claim.judges] == ["wide", "narrow"]
    found = claim.difference
    gaps = [c.difference("clean", "noisy") for c in (wide, narrow)]
    sharp = np.array([(gap.value / gap.draws.std()) ** 2 for gap in gaps])
    weights = sharp / sharp.sum()
    parts = [c.difference("SSL", "SNR") for c in (wide, narrow)]
    shares = [100 * p.value / gap.value for p, gap in zip(parts, gaps, strict=True)]
    assert shares == pytest.approx([50, 25], abs=3)
    assert found.value == pytest.approx(weights @ shares)
    draws = sum(
        w * 100 * p.draws / gap.value
        for w, p, gap in zip(weights, parts, gaps, strict=True)
    )
    ends = np.percentile(draws, [2.5, 97.5])
    assert (found.low, found.high) == pytest.approx(tuple(ends))
    assert found.verdict(higher_is_better=True) == "better"


def test_a_judge_counts_by_how_sharply_it_hears_noise() -> None:
    sharp = judge(BASE, name="sharp")  # SSL closes half of the gap
    dull = judge(BASE | {"SSL": 5}, name="dull", spread=3.0)  # and none of this one
    assert can_tell(dull)
    shown = view(sharp, dull)
    (claim,) = find_claims(shown, "SSL", "SNR").values()
    assert claim.difference.value == pytest.approx(50, abs=3)
    assert claim.difference.verdict(higher_is_better=True) == "better"


def test_judges_of_other_directions_and_units_are_one_mean() -> None:
    errors = judge(BASE, name="errors")  # half of the gap
    rng = np.random.default_rng(0)
    rows = {
        row: (Run(MEAN, None, Path(), values(v, 1e-6, rng)),)
        for row, v in (("clean", 1), ("noisy", 0.6), ("SNR", 0.6), ("SSL", 0.7))
    }
    quantity = replace(quantity_of("SPK_SIM"), aspect=CONTENT)
    likeness = Column(quantity, RECOGNISER, {SET: "test"}, rows, 40, "utt")  # a quarter
    shown = view(errors, likeness, names=("SNR", "SSL"))
    found = find_claims(shown, "SSL", "SNR")[CONTENT_OF[TRANSFER]].difference
    assert 25 < found.value < 50
    judges = [errors, likeness]
    assert share_closed(judges, "SSL") == pytest.approx(found.value, abs=1)
    assert (share_closed(judges, "noisy"), share_closed(judges, "clean")) == (0, 100)
    assert share_closed(judges, "mel") is None


def test_what_is_said_and_who_says_it_are_decided_apart() -> None:
    said = judge(BASE, name="said")
    who = judge(BASE | {"SSL": 6}, name="who")
    who = replace(who, quantity=replace(who.quantity, aspect=SPEAKER))
    claims = find_claims(view(said, who), "SSL", "SNR")
    assert {key: claim.judges for key, claim in claims.items()} == {
        (TRANSFER, CONTENT): (said,),
        (TRANSFER, SPEAKER): (who,),
    }
    assert "for transfer, content better, speaker worse" in headline(
        view(said, who), "SSL", "SNR"
    )


def test_a_judge_that_cannot_tell_clean_from_noisy_decides_nothing() -> None:
    deaf = judge(BASE | {"clean": 5}, name="deaf")
    assert not can_tell(deaf)
    assert can_tell(judge(BASE))
    assert find_claims(view(deaf), "SSL", "SNR") == {}
    assert judges_of(view(deaf)) == {}


def test_what_only_is_shown_decides_nothing() -> None:
    shown = judge(BASE, role=SHOWN)
    assert find_claims(view(shown), "SSL", "SNR") == {}


def test_pairs_ask_what_the_control_and_mixing_do_of_the_loss() -> None:
    shown = view(judge(BASE))
    main = [
        ("SSL", "SNR"),
        ("SSL", "mel"),
        ("SSL", "SNR+OA"),
        ("mel", "SNR"),
        ("SNR+OA", "SNR"),
        *((name, "noisy") for name in ("SNR", "mel", "SSL")),
    ]
    assert shown.main_pairs == main
    assert shown.pairs == [
        *main,
        ("SSL+OA", "SSL"),
        *((name, "noisy") for name in ("SNR+OA", "SSL+OA")),
    ]


def test_sentences_name_the_change_and_what_it_does() -> None:
    aimed = judge(BASE | {"SSL": 6}, AIMED, name="aimed")
    lines = headlines(view(judge(BASE), aimed))
    said = "for the pipeline, content worse; for transfer, content better"
    both = "for the pipeline, content better; for transfer, content better"
    assert lines[:5] == [
        f"The SSL loss (SSL in place of SNR): {said}.",
        f"The speech model beyond the control (SSL in place of mel): {said}.",
        f"The SSL loss against observation adding (SSL in place of SNR+OA): {said}.",
        f"The control, a loss without a speech model, (mel in place of SNR): {both}.",
        f"Observation adding (SNR+OA in place of SNR): {both}.",
    ]
    assert lines[-1] == f"Enhancement by SSL: {said}."


def test_the_price_is_named() -> None:
    rng = np.random.default_rng(0)
    rows = {
        row: (Run(MEAN, None, Path(), values(v, 0.1, rng)),)
        for row, v in (("SNR", 8), ("SSL", 7), ("mel", 9))
    }
    snr = Column(quantity_of("SI_SNR"), SIGNAL, {SET: "test"}, rows, 9, "utt")
    shown = view(judge(BASE), snr)
    assert headline(shown, "SSL", "SNR").endswith("better; the price: lower SI-SNR")
    assert "price" not in headline(shown, "mel", "SNR")
