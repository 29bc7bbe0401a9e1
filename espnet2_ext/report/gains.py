"""Where does a loss pay: what it gains, against how good the enhancer is without it."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.metrics.quantity import CONTENT
from espnet2_ext.metrics.result import Difference
from espnet2_ext.report.cells import Cell, Table, difference_cell
from espnet2_ext.report.claims import PIPELINE, TRANSFER
from espnet2_ext.report.pictures import COLOURS, figure_of, png
from espnet2_ext.report.records import CLAIMS as CLAIM_RECORDS
from espnet2_ext.report.records import OF_A_CLAIM, RESULTS, of_set, read_records
from espnet2_ext.report.verdict import BEYOND_CONTROL, SSL_LOSS

CHANGES = {SSL_LOSS: "over the signal loss", BEYOND_CONTROL: "over the control"}
CLAIMS = (PIPELINE, TRANSFER)
QUALITY = "SI_SNR"  # of the row without the loss: the place on the horizontal axis


@dataclass(frozen=True)
class Gain:
    """What one loss gains in one experiment.

    Attributes:
        experiment: its name in the figure.
        claim: pipeline or transfer, for content.
        change: what the loss is compared with, a key of `CHANGES`.
        system: the row with the loss.
        against: the row without.
        quality: SI-SNR in dB of ``against``, mean over seeds.
        difference: by how much more it closes the gap between noisy and clean, in %.
    """

    experiment: str
    claim: str
    change: str
    system: str
    against: str
    quality: float
    difference: Difference


def read_gains(experiments: Mapping[str, Path]) -> list[Gain]:
    """Find the gains in the records of reports.

    Args:
        experiments: name -> where ``results.jsonl`` and ``claims.jsonl`` are.

    Raises:
        UserError: if an experiment has none, or its records cannot be read.
    """
    gains = []
    for name, folder in experiments.items():
        numbers = of_set(read_records(folder / RESULTS))
        found = [
            Gain(
                experiment=name,
                quality=_quality(numbers, r["against"]),
                difference=Difference(r["value"], r["low"], r["high"], 0),
                **{key: r[key] for key in ("claim", "change", "system", "against")},
            )
            for r in read_records(folder / CLAIM_RECORDS, OF_A_CLAIM)
            if r["aspect"] == CONTENT and r["change"] in CHANGES
        ]
        if not found:
            raise UserError(
                f"{folder / CLAIM_RECORDS}: found no claim about an SSL loss; expected "
                "the report of such a system and its baseline (stage 15)."
            )
        gains += found
    return gains


def _quality(records: Iterable[Mapping[str, Any]], system: str) -> float:
    key = (QUALITY, system)
    values = [r["value"] for r in records if (r["metric"], r["system"]) == key]
    return statistics.fmean(values) if values else float("nan")


def gain_table(gains: Sequence[Gain]) -> Table:
    """Build the table: a line for each loss and what it is compared with."""
    lines: dict[tuple[str, str, str], dict[str, Gain]] = {}
    for gain in gains:
        line = lines.setdefault((gain.experiment, gain.system, gain.against), {})
        line[gain.claim] = gain
    rows = []
    for (experiment, system, against), by_claim in lines.items():
        quality = next(iter(by_claim.values())).quality
        found = {claim: gain.difference for claim, gain in by_claim.items()}
        cells = [difference_cell(found.get(claim), 1, True) for claim in CLAIMS]
        words = (experiment, f"{system} − {against}", f"{quality:.2f}")
        rows.append((*map(Cell, words), *cells))
    claims = (f"{claim} content (% of the gap)" for claim in CLAIMS)
    return Table(
        "Where the loss pays",
        ("", "", "SI-SNR without it (dB)", *claims),
        tuple(rows),
        (),
    )


def gain_figure(gains: Sequence[Gain]) -> bytes:
    """Draw the gains as PNG: a panel for each claim and each comparison."""
    figure, axes = figure_of(9.0, 6.0, columns=len(CLAIMS), rows=len(CHANGES))
    systems = list(dict.fromkeys(gain.system for gain in gains))
    for row, change in zip(axes, CHANGES, strict=True):
        for panel, claim in zip(row, CLAIMS, strict=True):
            shown = [g for g in gains if (g.claim, g.change) == (claim, change)]
            panel.axhline(0, color="0.7", linewidth=1)
            for gain in shown:
                _draw(panel, gain, COLOURS[systems.index(gain.system) % len(COLOURS)])
            panel.set_title(f"{claim}: content, {CHANGES[change]}")
            panel.set_xlabel("SI-SNR without the loss (dB)")
            panel.set_ylabel("gap closed (%)")
    for index, system in enumerate(systems):
        axes[0][0].plot([], [], "o", color=COLOURS[index % len(COLOURS)], label=system)
    axes[0][0].legend(fontsize="small")
    return png(figure)


def _draw(panel: Any, gain: Gain, colour: str) -> None:
    found = gain.difference
    low = found.value if found.low is None else found.low
    high = found.value if found.high is None else found.high
    panel.errorbar(
        [gain.quality],
        [found.value],
        yerr=[[found.value - low], [high - found.value]],
        fmt="o",
        color=colour,
        capsize=3,
    )
    panel.annotate(
        gain.experiment,
        (gain.quality, found.value),
        xytext=(4, 4),
        textcoords="offset points",
        fontsize="x-small",
    )
