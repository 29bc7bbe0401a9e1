"""Merge the score files of parallel jobs, and write ESPnet's per-metric files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, shorten
from espnet2_ext.fileio.scp import atomic_write, iter_scp, write_scp
from espnet2_ext.metrics.items import check_share
from espnet2_ext.metrics.quantity import AUDIO, NO_VALUE
from espnet2_ext.metrics.registry import quantity_of
from espnet2_ext.metrics.result import ErrorCount, Mean

Score = dict[str, Any]


def read_scores(path: Path) -> dict[str, Score]:
    """Read ``scores.jsonl`` into ``utt -> score``, in file order.

    Raises:
        UserError: if the file is missing or a line is not a score.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; run stage 8 (scoring) first.")
    scores: dict[str, Score] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            score = json.loads(line)
            utt = score.pop("utt")
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise UserError(
                f"{path}:{number}: not a score line ({error}); score again."
            ) from error
        if utt in scores:
            raise UserError(f"{path}:{number}: duplicate id '{utt}'; score again.")
        scores[utt] = score
    return scores


def _merge(files: Sequence[Path]) -> dict[str, Score]:
    merged: dict[str, Score] = {}
    source: dict[str, Path] = {}
    for path in files:
        for utt, score in read_scores(path).items():
            if utt in merged:
                raise UserError(
                    f"'{utt}' is in {source[utt]} and in {path}; a file of an earlier "
                    "run with more jobs? Remove it, or give the number of jobs (--nj)."
                )
            merged[utt], source[utt] = score, path
    return {utt: merged[utt] for utt in sorted(merged, key=lambda utt: utt.encode())}


def _settings(files: Sequence[Path]) -> Any:
    found = {}
    for path in files:
        settings = path.with_suffix(".settings.json")
        if not settings.is_file():
            raise UserError(f"{settings}: no such file; run the scoring job again.")
        found[path] = json.loads(settings.read_text(encoding="utf-8"))
    first = files[0]
    for path in files[1:]:
        if found[path] != found[first]:
            raise UserError(
                f"{first} and {path} were scored with different settings; "
                "run all jobs again."
            )
    return found[first]


def _expected(key_files: Iterable[Path]) -> set[str]:
    return {key for path in key_files for _, key, _ in iter_scp(path)}


def _job_files(logdir: Path, prefix: str, nj: int | None) -> list[Path]:
    if nj is None:
        return sorted(logdir.glob(f"{prefix}.*"))
    return [path for n in range(1, nj + 1) for path in logdir.glob(f"{prefix}.{n}.*")]


def collect(
    scoring_dir: Path, key_file: Path | None = None, nj: int | None = None
) -> dict[str, Score]:
    """Merge ``logdir/scores.*.jsonl`` into ``scores.jsonl`` and per-metric files.

    Args:
        scoring_dir: the directory that holds ``logdir``.
        key_file: the ids that must be there; default: all ``logdir/keys.*``.
        nj: number of jobs; default: every file there is.

    Raises:
        UserError: if an expected utterance is missing or twice, or one is not expected;
            if the audio of more than half of them cannot be scored.
    """
    logdir = scoring_dir / "logdir"
    files = [p for p in _job_files(logdir, "scores", nj) if p.suffix == ".jsonl"]
    if not files or (nj is not None and len(files) != nj):
        raise UserError(
            f"{logdir}: found {len(files)} files scores.N.jsonl, expected "
            f"{nj or 'at least one'}; run the scoring jobs that failed again."
        )
    keys = [key_file] if key_file else sorted(logdir.glob("keys.*"))
    if not keys:
        raise UserError(f"{logdir}: no keys.*; give the expected ids (--key_file).")
    scores = _merge(files)
    expected = _expected(keys)
    if lost := sorted(expected - set(scores)):
        raise UserError(
            f"{scoring_dir}: {len(lost)} utterances have no score: {shorten(lost)}; "
            "run the scoring jobs again."
        )
    if extra := sorted(set(scores) - expected):
        raise UserError(
            f"{scoring_dir}: {len(extra)} scores are not of this set: {shorten(extra)};"
            f" remove {logdir} and score again."
        )
    problems = [
        f"{utt}: {reason}"
        for utt, score in scores.items()
        if (reason := score.get(NO_VALUE, {}).get(AUDIO))
    ]
    check_share(problems, len(scores))
    settings = _settings(files)
    _write_metric_files(scoring_dir, scores)
    with atomic_write(scoring_dir / "settings.json") as stream:
        json.dump(settings, stream, indent=1)
    with atomic_write(scoring_dir / "scores.jsonl") as stream:
        for utt, score in scores.items():
            stream.write(json.dumps({"utt": utt, **score}, ensure_ascii=False) + "\n")
    return scores


def score_keys(scores: Iterable[Score]) -> list[str]:
    """List the keys of score lines in the order in which they first appear."""
    keys = dict.fromkeys(key for score in scores for key in score)
    return [key for key in keys if key != NO_VALUE]


def reason_of(score: Score, key: str) -> str:
    """Say why ``key`` has no value in a score line; empty where nobody said so."""
    reasons = score.get(NO_VALUE, {})
    return str(reasons.get(AUDIO) or reasons.get(key, ""))


def pool(scores: Iterable[Score], key: str) -> Mean | ErrorCount:
    """Add up ``key`` over the score lines that have a value."""
    values = [score[key] for score in scores if key in score]
    if quantity_of(key).is_error_count:
        counts = [ErrorCount.from_json(value) for value in values if value is not None]
        return sum(counts, ErrorCount())
    return sum(map(Mean.of, values), Mean())


def pooled_value(pooled: Mean | ErrorCount) -> float | None:
    """Return the number to print: a mean, or an error rate in percent."""
    return pooled.percent if isinstance(pooled, ErrorCount) else pooled.value


def _write_metric_files(directory: Path, scores: dict[str, Score]) -> None:
    """Write ``<KEY>_spk1`` and ``result_<key>.txt``, as ESPnet's stage 8 does."""
    for key in score_keys(scores.values()):
        table: dict[str, object] = {}
        for utt, score in scores.items():
            if score.get(key) is None:
                continue
            if not quantity_of(key).is_error_count:
                table[utt] = score[key]
            elif (rate := ErrorCount.from_json(score[key]).percent) is not None:
                table[utt] = round(rate, 6)
        write_scp(directory / f"{key}_spk1", table)
        value = pooled_value(pool(scores.values(), key))
        with atomic_write(directory / f"result_{key.lower()}.txt") as stream:
            stream.write("nan\n" if value is None else f"{value:.6g}\n")
