"""The frontier of a loss: what each weight gains against what it costs."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from espnet2_ext.errors import unknown_name
from espnet2_ext.report.cells import Cell, Table, fixed
from espnet2_ext.report.pictures import COLOURS, figure_of, png

Record = Mapping[str, Any]


class Axis(NamedTuple):
    """A quantity of the records as a difference to the baseline."""

    metric: str
    unit: str
    values: dict[str, float]  # system -> mean over seeds, minus the baseline's


def read_axis(
    records: Sequence[Record], metric: str, systems: Sequence[str], baseline: str
) -> Axis:
    """Average a metric over seeds for each system, and subtract the baseline's.

    Raises:
        UserError: if the metric, or a system, is not in the records.
    """
    found = [record for record in records if record["metric"] == metric]
    if not found:
        raise unknown_name("metric", metric, {r["metric"] for r in records})
    means: dict[str, float] = {}
    for name in (baseline, *systems):
        values = [r["value"] for r in found if r["system"] == name]
        if not values:
            raise unknown_name("system", name, {r["system"] for r in found})
        means[name] = statistics.fmean(values)
    unit = found[0]["unit"]
    return Axis(metric, unit, {n: means[n] - means[baseline] for n in systems})


def frontier_table(price: Sequence[Axis], gain: Axis) -> Table:
    """Build the table: a row for each system, differences to the baseline."""
    axes = [*price, gain]
    rows = [
        (Cell(name), *(Cell(fixed(axis.values[name], 2, "+")) for axis in axes))
        for name in gain.values
    ]
    header = (f"{axis.metric} ({axis.unit})" for axis in axes)
    return Table("Frontier", ("", *header), tuple(rows), ())


def frontier_figure(price: Sequence[Axis], gain: Axis) -> bytes:
    """Draw the gain over each price as PNG; the baseline is at (0, 0)."""
    figure, (panels,) = figure_of(4.5 * len(price), 3.6, columns=len(price))
    for panel, axis in zip(panels, price, strict=True):
        xs = [0.0, *axis.values.values()]
        ys = [0.0, *gain.values.values()]
        panel.plot(xs, ys, "o-", color=COLOURS[0], linewidth=1)
        for name, x, y in zip(("0", *gain.values), xs, ys, strict=True):
            panel.annotate(
                name, (x, y), (4, 4), textcoords="offset points", fontsize="x-small"
            )
        panel.set_xlabel(f"{axis.metric} ({axis.unit}), against the signal loss")
        panel.set_ylabel(f"{gain.metric} ({gain.unit})")
    return png(figure)
