"""Read the scores of stage 8: the columns of each test set, and the facts beside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.collect import Score, read_scores, reason_of, score_keys
from espnet2_ext.metrics.quantity import SBS_PREFIX, SSL_PREFIX, WER_PREFIX, Quantity
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.metrics.statistic import MEAN, RATIO
from espnet2_ext.report.circularity import of_conf, related
from espnet2_ext.report.column import RECOGNISER, SET, SIGNAL, Column, Items, Loss, Run
from espnet2_ext.report.sources.words import Reading, readings
from espnet2_ext.report.systems import (
    CLEAN,
    NOISY,
    Origin,
    System,
    enhanced_dir,
    losses_of,
    origins,
)
from espnet2_ext.ssl.relation import Upstream, families

SUPERVISED = "§"
SUPERVISED_FAMILIES = {"whisper"}  # trained with transcripts


@dataclass(frozen=True)
class ScoreRun:
    """The score lines of one row and seed, in the order of their file."""

    row: str
    origin: Origin
    source: Path
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class ScoredSet:
    """What stage 8 has found of one test set.

    Attributes:
        name: of the test set.
        data: its directory in the dump.
        columns: one for each quantity, in the order in which they were scored.
        runs: the score lines: clean where it was scored, noisy, the systems.
    """

    name: str
    data: Path
    columns: tuple[Column, ...]
    runs: tuple[ScoreRun, ...]

    @property
    def utts(self) -> list[str]:
        """Ids of the utterances, in file order."""
        return list(self.first_run(NOISY))

    def first_run(self, row: str) -> Mapping[str, Score]:
        """Return the score lines of a row's first seed; empty where there are none."""
        return next((run.scores for run in self.runs if run.row == row), {})


def scoring_dir(dumpdir: Path, test_set: str, name: str, origin: Origin = None) -> Path:
    """Return where stage 8 writes ``scores.jsonl`` of clean, noisy, or a system."""
    if origin is not None:
        return enhanced_dir(origin, test_set) / "scoring"
    return dumpdir / test_set / ("scoring_clean" if name == CLEAN else "scoring")


def read_scored_set(dumpdir: Path, name: str, systems: Sequence[System]) -> ScoredSet:
    """Read all scores of a test set.

    The row "clean" stays empty when clean speech was not scored.

    Raises:
        UserError: if scores are missing, or of other utterances than the noisy ones.
    """
    data = dumpdir / name
    runs = []
    for row, origin in origins(systems):
        source = scoring_dir(dumpdir, name, row, origin) / "scores.jsonl"
        if row != CLEAN or source.is_file():
            runs.append(ScoreRun(row, origin, source, _read_run(source)))
    _check_same_utterances(name, runs)
    upstreams = _read_upstreams(data / "scoring" / "settings.json")
    columns = [
        _read_column(reading, key, name, runs, systems, upstreams.get(key))
        for key in score_keys(score for run in runs for score in run.scores.values())
        for reading in _readings(quantity_of(key))
    ]
    return ScoredSet(name, data, tuple(columns), tuple(runs))


def _read_run(path: Path) -> dict[str, Score]:
    scores = read_scores(path)
    if not scores:
        raise UserError(f"{path}: no scores; run stage 8 again.")
    return scores


def _read_upstreams(path: Path) -> dict[str, Upstream]:
    if not path.is_file():
        return {}
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        prefix + stem: next(of_conf(conf), Upstream(stem))
        for stem, conf in settings.get("ssl", {}).items()
        for prefix in (SSL_PREFIX, SBS_PREFIX)
    }


def _check_same_utterances(name: str, runs: Sequence[ScoreRun]) -> None:
    expected = next(set(run.scores) for run in runs if run.row == NOISY)
    for run in runs:
        if odd := sorted(expected ^ set(run.scores)):
            raise UserError(
                f"{name}: '{run.row}' and '{NOISY}' were scored on different "
                f"utterances: {shorten(odd)}; enhance and score again (stages 7-8)."
            )


def _find_losses(runs: Sequence[ScoreRun], key: str) -> Iterator[Loss]:
    """Give the values of ``key`` that do not exist, in runs that have others.

    A run without any value (clean speech has no SI-SNR) is no judge of utterances.
    """
    for run in runs:
        if any(score.get(key) is not None for score in run.scores.values()):
            for utt, score in run.scores.items():
                if key in score and score[key] is None:
                    yield Loss(utt, run.row, reason_of(score, key))


def _readings(quantity: Quantity) -> list[Reading]:
    if quantity.is_error_count:
        return readings(quantity)
    return [Reading(quantity, lambda value: (value, 1))]


def _items(run: ScoreRun, reading: Reading, key: str, lost: set[str]) -> Items:
    """Return utterance -> what the reading makes of its score."""
    return {
        utt: reading.of(entry)
        for utt, score in run.scores.items()
        if utt not in lost and (entry := score.get(key)) is not None
    }


def _read_column(
    reading: Reading,
    key: str,
    name: str,
    runs: Sequence[ScoreRun],
    systems: Sequence[System],
    upstream: Upstream | None,
) -> Column:
    quantity = reading.quantity
    losses = tuple(_find_losses(runs, key))
    lost = {loss.utt for loss in losses}
    statistic = RATIO if quantity.is_error_count else MEAN
    rows: dict[str, list[Run]] = {}
    for run in runs:
        items = _items(run, reading, key, lost)
        rows.setdefault(run.row, []).append(
            Run(statistic, run.origin, run.source, items)
        )
    what, judges = _judge_of(key, upstream)
    valued = (run for found in rows.values() for run in found if run.value is not None)
    first = next(valued, None)
    count = int(sum(n for _, n in first.items.values())) if first else 0
    asked = {utt for run in runs for utt in run.scores if key in run.scores[utt]}
    return Column(
        quantity=quantity,
        kind=RECOGNISER if key.startswith(WER_PREFIX) else SIGNAL,
        place={SET: name},
        rows={row: tuple(found) for row, found in rows.items()},
        count=count,
        item_name="words" if quantity.is_error_count else "utt",
        counted=_count_text(quantity, count, asked, lost),
        judges=judges,
        related=related(what, judges, losses_of(systems)),
        supervised=_supervised(quantity, upstream),
        losses=losses,
        skips_empty=True,
    )


def _count_text(quantity: Quantity, count: int, asked: set[str], lost: set[str]) -> str:
    """Say how many items are behind a column: ``36 utt``, ``35 of 36 utt``."""
    judged = f"{len(asked - lost) if count else 0} of {len(asked)} utt"
    if not count or (lost and not quantity.is_error_count):
        return judged
    if quantity.is_error_count:
        return f"{count} words, {judged}" if lost else f"{count} words"
    return f"{count} utt"


def _judge_of(key: str, upstream: Upstream | None) -> tuple[str, tuple[Upstream, ...]]:
    """Say what of a score a loss may aim at, and the upstreams it is heard with."""
    if key.startswith(WER_PREFIX):
        encoder = RECOGNISERS[key.removeprefix(WER_PREFIX)].encoder
        return "its encoder", (Upstream(encoder),) if encoder else ()
    return "this distance", (upstream,) if upstream else ()


def _supervised(quantity: Quantity, upstream: Upstream | None) -> str:
    if upstream is None or not families(upstream.name) & SUPERVISED_FAMILIES:
        return ""
    return (
        f"{SUPERVISED} {quantity.label}: a supervised encoder as representation loss, "
        "not self-supervised."
    )
