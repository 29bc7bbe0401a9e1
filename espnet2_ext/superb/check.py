"""Checking the manifests of a task: every problem at once, as file:line and id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet2_ext.data.problems import Problem, in_groups
from espnet2_ext.errors import UserError
from espnet2_ext.superb.check_rows import CHECKS, ROUNDING, check_seen, seconds
from espnet2_ext.superb.manifest import (
    FS,
    Manifest,
    audio_header,
    read_task_manifest,
)
from espnet2_ext.superb.tasks import SEGMENT, Task

SHOWN = 20  # problems of one kind and file in a message


def check_task(task: Task, superb_dir: Path) -> tuple[list[Problem], dict[str, int]]:
    """Find all problems of a task's manifests.

    Relative audio paths are taken from the working directory, as s3prl does.

    Returns:
        The problems, and the number of rows of each split.
    """
    manifests = {s: read_task_manifest(task, superb_dir, s) for s in task.splits}
    problems = [p for manifest in manifests.values() for p in manifest.problems]
    train = manifests["train"]
    for manifest in manifests.values():
        problems += check_audio(manifest)
        problems += check_segments(manifest)
        if not train.problems and manifest is not train:
            problems += check_seen(train, manifest)
        for check in CHECKS.get(task.name, ()):
            problems += check(manifest)
    return problems, {split: len(m.rows) for split, m in manifests.items()}


def check_all(tasks: Sequence[Task], superb_dir: Path, shown: int = SHOWN) -> None:
    """Check the manifests of all tasks, and print how many rows there are.

    Raises:
        UserError: with all problems of all tasks.
    """
    problems, lines = [], []
    for task in tasks:
        found, rows = check_task(task, superb_dir)
        problems += found
        counts = ", ".join(f"{split} {count}" for split, count in rows.items())
        lines.append(f"{task.name}: {len(found)} problems; rows: {counts}")
    print("\n".join(lines), flush=True)
    refuse(problems, f"the manifests of {superb_dir}", shown)


def refuse(problems: Sequence[Problem], what: str, shown: int = SHOWN) -> None:
    """Raise a ``UserError`` that lists the problems, if there are any."""
    if problems:
        lines = "\n".join(in_groups(problems, shown))
        raise UserError(f"{len(problems)} problems in {what}:\n{lines}")


def check_audio(manifest: Manifest) -> Iterator[Problem]:
    """Report audio that is missing, unreadable, or not at 16 kHz."""
    for row, path in manifest.audio():
        header = audio_header(path)
        if header.error:
            yield manifest.at(row.line, row.id).problem(
                "audio",
                found=header.error,
                expected="an audio file",
                do="correct the path, or make the file again",
            )
        elif header.fs != FS:
            yield manifest.at(row.line, row.id).problem(
                "rate",
                found=f"{header.fs} Hz in {path}",
                expected=f"{FS} Hz",
                do="resample the audio",
            )


def check_segments(manifest: Manifest) -> Iterator[Problem]:
    """Report segments that are no interval, or reach beyond the audio."""
    if not {*SEGMENT} <= {*manifest.columns}:
        return
    for row in manifest.rows:
        times = [row[column] for column in SEGMENT]
        if not any(times) and manifest.task.optional:
            continue
        start, end = map(seconds, times)
        if not (0 <= start < end):  # also where one is NaN
            yield manifest.at(row.line, row.id).problem(
                "segment",
                found=f"segment from '{times[0]}' to '{times[1]}'",
                expected="seconds, 0 <= start_sec < end_sec",
                do="correct the line",
            )
            continue
        samples = audio_header(row["wav_path"]).samples
        if samples and end > samples / FS + ROUNDING:
            yield manifest.at(row.line, row.id).problem(
                "segment",
                found=f"end_sec {end:g}",
                expected=f"at most {samples / FS:g} s, the audio's end",
                do="correct the line",
            )
