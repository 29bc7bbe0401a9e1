"""Read what the tables are made of: rows of scored systems, and the facts beside."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.metrics.collect import (
    Score,
    pool,
    pooled_value,
    read_scores,
    score_keys,
)
from espnet2_ext.metrics.quantity import SSL_PREFIX, Quantity
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.metrics.result import (
    Difference,
    ErrorCount,
    Mean,
    mean_difference,
    wer_difference,
)
from espnet2_ext.report.common import Loss, find_losses, without
from espnet2_ext.report.evidence import of_conf
from espnet2_ext.report.systems import (
    CLEAN,
    NOISY,
    Origin,
    System,
    enhanced_dir,
)
from espnet2_ext.ssl.relation import Upstream


@dataclass(frozen=True)
class Row:
    """One line of a table: the scores of one or more seeds on one test set."""

    name: str
    runs: tuple[Mapping[str, Score], ...]
    trained: bool = False

    def select(self, utts: Sequence[str]) -> Row:
        """Keep the utterances ``utts``."""
        runs = tuple({u: run[u] for u in utts} for run in self.runs)
        return Row(self.name, runs, self.trained)

    def pooled(self, key: str) -> list[Mean | ErrorCount]:
        """Return the pooled result of every seed that has ``key``."""
        results = []
        for run in self.runs:
            result = pool(run.values(), key)
            if pooled_value(result) is not None:
                results.append(result)
        return results

    def mean_and_spread(self, key: str) -> tuple[float | None, float | None]:
        """Return the mean over seeds, and their standard deviation if there are two."""
        values = [v for r in self.pooled(key) if (v := pooled_value(r)) is not None]
        if not values:
            return None, None
        spread = statistics.stdev(values) if len(values) > 1 else None
        return statistics.fmean(values), spread

    def per_utterance(self, key: str) -> dict[str, tuple[float, int]]:
        """Return ``utt -> (value, words)``: means over seeds; errors for a WER."""
        table = {}
        for utt in self.runs[0]:
            found = [run[utt].get(key) for run in self.runs]
            entries = [entry for entry in found if entry is not None]
            if len(entries) < len(found):
                continue  # a seed without a value: the others alone would not pair
            if quantity_of(key).is_error_count:
                counts = [ErrorCount.from_json(entry) for entry in entries]
                if counts[0].words:
                    errors = statistics.fmean(count.errors for count in counts)
                    table[utt] = (errors, counts[0].words)
            else:
                table[utt] = (statistics.fmean(entries), 1)
        return table


def difference(a: Row, b: Row, key: str) -> Difference | None:
    """Return ``a - b`` over the utterances that both have, seeds averaged first."""
    values_a, values_b = a.per_utterance(key), b.per_utterance(key)
    utts = [utt for utt in values_a if utt in values_b]
    if not utts:
        return None
    x = np.array([values_a[utt][0] for utt in utts], dtype=float)
    y = np.array([values_b[utt][0] for utt in utts], dtype=float)
    if not quantity_of(key).is_error_count:
        return mean_difference(x, y)
    words = np.array([values_a[utt][1] for utt in utts], dtype=float)
    return wer_difference(x, y, words)


@dataclass(frozen=True)
class TestSet:
    """The rows of one test set: clean, noisy, then the systems in the given order.

    Attributes:
        upstreams: SSL column key -> the upstream that measures that distance.
        utt2snr: input SNR in dB, as written; empty when the set has no such file.
        losses: key -> values that do not exist; their utterances have none in any row.
    """

    __test__ = False  # not for pytest

    name: str
    rows: tuple[Row, ...]
    quantities: tuple[Quantity, ...]
    upstreams: Mapping[str, Upstream] = field(default_factory=dict)
    utt2snr: Mapping[str, str] = field(default_factory=dict)
    losses: Mapping[str, Sequence[Loss]] = field(default_factory=dict)

    @property
    def utts(self) -> list[str]:
        """Ids of the utterances, in file order."""
        return list(self.row(NOISY).runs[0])

    def row(self, name: str) -> Row:
        """Return the row called ``name``."""
        return next(row for row in self.rows if row.name == name)

    def select(self, utts: Sequence[str]) -> TestSet:
        """Keep the utterances ``utts``."""
        rows = tuple(row.select(utts) if row.runs else row for row in self.rows)
        chosen = set(utts)
        losses = {
            key: [loss for loss in found if loss.utt in chosen]
            for key, found in self.losses.items()
        }
        return replace(self, rows=rows, losses=losses)

    def count(self, quantity: Quantity) -> int:
        """Return the number of items behind a column: words or utterances."""
        for row in self.rows:
            for run in row.runs:
                result = pool(run.values(), quantity.key)
                if pooled_value(result) is not None:
                    if isinstance(result, ErrorCount):
                        return result.words
                    return result.count
        return 0

    def count_text(self, quantity: Quantity) -> str:
        """Say how many items are behind a column: ``36 utt``, ``35 of 36 utt``."""
        key, count = quantity.key, self.count(quantity)
        asked = {
            u for row in self.rows for run in row.runs for u in run if key in run[u]
        }
        lost = {loss.utt for loss in self.losses.get(key, ())}
        judged = f"{len(asked - lost) if count else 0} of {len(asked)} utt"
        if not count or (lost and not quantity.is_error_count):
            return judged
        if quantity.is_error_count:
            return f"{count} words, {judged}" if lost else f"{count} words"
        return f"{count} utt"


def scoring_dir(dumpdir: Path, test_set: str, name: str, origin: Origin = None) -> Path:
    """Return where stage 8 writes ``scores.jsonl`` of clean, noisy, or a system."""
    if origin is not None:
        return enhanced_dir(origin, test_set) / "scoring"
    return dumpdir / test_set / ("scoring_clean" if name == CLEAN else "scoring")


def read_test_set(dumpdir: Path, name: str, systems: Sequence[System]) -> TestSet:
    """Read all scores of a test set.

    The row "clean" stays empty when clean speech was not scored.

    Raises:
        UserError: if scores are missing, or of other utterances than the noisy ones.
    """
    data = dumpdir / name
    noisy = _read_run(scoring_dir(dumpdir, name, NOISY))
    clean_dir = scoring_dir(dumpdir, name, CLEAN)
    clean = [_read_run(clean_dir)] if (clean_dir / "scores.jsonl").is_file() else []
    rows = [Row(CLEAN, tuple(clean)), Row(NOISY, (noisy,))]
    for system in systems:
        runs = [
            _read_run(scoring_dir(dumpdir, name, system.name, row))
            for row in system.rows
        ]
        rows.append(Row(system.name, tuple(runs), system.trained))
    _check_same_utterances(name, rows)
    all_runs = [(row.name, run) for row in rows for run in row.runs]
    keys = score_keys(score for _, run in all_runs for score in run.values())
    losses = {key: find_losses(all_runs, key) for key in keys}
    rows = [
        replace(row, runs=tuple(without(run, losses) for run in row.runs))
        for row in rows
    ]
    quantities = tuple(quantity_of(key) for key in keys)
    snr = data / "utt2snr"
    return TestSet(
        name,
        tuple(rows),
        quantities,
        _read_upstreams(data / "scoring" / "settings.json"),
        read_scp(snr) if snr.is_file() else {},
        losses,
    )


def _read_run(directory: Path) -> dict[str, Score]:
    scores = read_scores(directory / "scores.jsonl")
    if not scores:
        raise UserError(f"{directory / 'scores.jsonl'}: no scores; run stage 8 again.")
    return scores


def _read_upstreams(path: Path) -> dict[str, Upstream]:
    if not path.is_file():
        return {}
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {
        SSL_PREFIX + stem: next(of_conf(conf), Upstream(stem))
        for stem, conf in settings.get("ssl", {}).items()
    }


def _check_same_utterances(name: str, rows: Sequence[Row]) -> None:
    expected = set(rows[1].runs[0])
    for row in rows:
        for run in row.runs:
            if odd := sorted(expected ^ set(run)):
                raise UserError(
                    f"{name}: '{row.name}' and '{NOISY}' were scored on different "
                    f"utterances: {shorten(odd)}; enhance and score again (stages 7-8)."
                )
