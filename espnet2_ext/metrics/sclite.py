"""Recognition results in the formats of NIST's sclite, which ESPnet's recipes use.

``ref.trn`` and ``hyp.trn`` hold ``tokens<TAB>(speaker-utterance)``. ``result.txt`` has
the table by speaker in percent (its ``Sum/Avg`` line is what ESPnet's
``show_asr_result.sh`` reads), the same as counts, and every alignment.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.metrics.alignment import Aligned, Tally

COLUMNS = ("Corr", "Sub", "Del", "Ins", "Err", "S.Err")
ValuesOf = Callable[[Tally], tuple[float, ...]]


def write_trn(path: Path, utterances: Iterable[Aligned], side: str) -> None:
    """Write one side ("ref" or "hyp") as ``tokens<TAB>(speaker-utterance)``."""
    with atomic_write(path) as stream:
        for u in utterances:
            stream.write(f"{' '.join(u.tokens(side))}\t({u.speaker}-{u.utt})\n")


def write_result(path: Path, utterances: Sequence[Aligned]) -> None:
    """Write ``result.txt`` of at least one utterance."""
    tallies = by_speaker(utterances)
    with atomic_write(path) as stream:
        stream.write(_summary("PERCENTAGES", tallies, Tally.percentages, ".1f"))
        stream.write(_summary("RAW COUNTS", tallies, Tally.counts, ".0f"))
        stream.write("ALIGNMENTS\n")
        for utterance in utterances:
            stream.write("\n" + format_alignment(utterance))


def by_speaker(utterances: Iterable[Aligned]) -> dict[str, Tally]:
    """Add up the utterances of every speaker, speakers sorted bytewise."""
    groups: dict[str, list[Aligned]] = {}
    for utterance in utterances:
        groups.setdefault(utterance.speaker, []).append(utterance)
    return {
        speaker: Tally.of(u.count for u in groups[speaker])
        for speaker in sorted(groups, key=str.encode)
    }


def _summary(
    title: str, tallies: Mapping[str, Tally], values: ValuesOf, number: str
) -> str:
    """Draw the table by speaker, its total, and mean, S.D. and median of speakers."""

    def cells(tally: Tally) -> tuple[float, ...]:
        return (tally.utterances, tally.errors.words, *values(tally))

    def row(name: str, numbers: Iterable[float], rest: str, sizes: str = ".0f") -> str:
        formats = [sizes] * 2 + [rest] * len(COLUMNS)
        shown = [f"{n:{f}}" for n, f in zip(numbers, formats, strict=True)]
        return _row(width, name, shown)

    width = max(7, *map(len, tallies))
    head = _row(width, "SPKR", ["# Snt", "# Wrd", *COLUMNS])
    lines = [f"SYSTEM SUMMARY {title} by SPEAKER", "", head, "-" * len(head)]
    lines += [row(speaker, cells(t), number) for speaker, t in tallies.items()]
    # "Avg" stands in one line of the file: show_asr_result.sh looks for it
    name = "Sum/Avg" if values is Tally.percentages else "Sum"
    pooled = sum(tallies.values(), Tally())
    lines += ["=" * len(head), row(name, cells(pooled), number), "=" * len(head)]
    columns = list(zip(*map(cells, tallies.values()), strict=True))
    for name, function in SPREAD.items():
        lines.append(row(name, [function(c) for c in columns], ".1f", ".1f"))
    return "\n".join(lines) + "\n\n\n"


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0


SPREAD: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Mean": statistics.fmean,
    "S.D.": _deviation,
    "Median": statistics.median,
}


def _row(width: int, name: str, cells: Sequence[str]) -> str:
    size = " ".join(f"{cell:>7}" for cell in cells[:2])
    rest = " ".join(f"{cell:>6}" for cell in cells[2:])
    return f"| {name:<{width}} | {size} | {rest} |"


def format_alignment(utterance: Aligned) -> str:
    """Draw an alignment: stars where a side has no token, errors in ``Eval``."""
    parts = Tally.of([utterance.count]).counts()[:4]
    rows: dict[str, list[str]] = {"REF": [], "HYP": [], "Eval": []}
    for step in utterance.steps:
        width = max(len(step.ref), len(step.hyp))
        rows["REF"].append((step.ref or "*" * width).ljust(width))
        rows["HYP"].append((step.hyp or "*" * width).ljust(width))
        rows["Eval"].append(step.kind.replace("C", "").ljust(width))
    return (
        f"id: ({utterance.speaker}-{utterance.utt})\n"
        f"Scores: (#C #S #D #I) {' '.join(map(str, parts))}\n"
        + "".join(
            f"{name + ':':5} {' '.join(cells)}".rstrip() + "\n"
            for name, cells in rows.items()
        )
    )
