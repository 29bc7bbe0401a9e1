"""Checking the manifests of a task: every problem at once, as file:line and id."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from espnet2_ext.data.problems import Problem, in_groups
from espnet2_ext.errors import UserError
from espnet2_ext.superb.manifest import (
    FS,
    Manifest,
    ManifestRow,
    audio_header,
    read_task_manifest,
)
from espnet2_ext.superb.tasks import SEGMENT, Task

SHOWN = 20  # problems of one kind and file in a message
NUM_SPEAKERS = 2  # of a recording: the outputs of s3prl's diarisation model
MIN_TRIAL_SECONDS = 0.3  # the x-vector's convolutions span 15 frames of 20 ms
ROUNDING = 0.02  # s that a stated time may exceed the audio's


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
            rule = ("an audio file", "correct the path, or make the file again")
            yield manifest.problem(row.line, row.id, "audio", header.error, *rule)
        elif header.fs != FS:
            found = f"{header.fs} Hz in {path}"
            rule = (f"{FS} Hz", "resample the audio")
            yield manifest.problem(row.line, row.id, "rate", found, *rule)


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
            found = f"segment from '{times[0]}' to '{times[1]}'"
            rule = ("seconds, 0 <= start_sec < end_sec", "correct the line")
            yield manifest.problem(row.line, row.id, "segment", found, *rule)
            continue
        samples = audio_header(row["wav_path"]).samples
        if samples and end > samples / FS + ROUNDING:
            found = f"end_sec {end:g}"
            rule = (f"at most {samples / FS:g} s, the audio's end", "correct the line")
            yield manifest.problem(row.line, row.id, "segment", found, *rule)


def seconds(text: str) -> float:
    """Read a number; NaN if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


Tokens = Callable[[ManifestRow], Iterable[str]]


def _words(row: ManifestRow) -> list[str]:
    return row["transcription"].split()


def _characters(row: ManifestRow) -> str:
    return row["transcription"].strip()


def _slots(row: ManifestRow) -> list[str]:
    return row["iob"].split()


def _intent(row: ManifestRow) -> list[str]:
    labels = enumerate(row["labels"].split(";"), start=1)
    return [f"{number}:{label.strip()}" for number, label in labels]


SEEN: dict[str, dict[str, Tokens]] = {
    "pr": {"phone": _words},
    "asr": {"character": _characters},
    "sf": {"character": _characters, "slot": _slots},
    "ic": {"label (slot:value)": _intent},
    **{
        name: {"label": lambda row: [row["label"]]}
        for name in ("ks", "sid", "er", "lid")
    },
}


def check_seen(train: Manifest, other: Manifest) -> Iterator[Problem]:
    """Report labels, phones and characters that the training does not have."""
    for what, tokens in SEEN.get(train.task.name, {}).items():
        known = {token for row in train.rows for token in tokens(row)}
        for row in other.rows:
            unseen = sorted({*tokens(row)} - known)
            if unseen:
                found = (
                    f"{what} not in {train.path.name}: {' '.join(map(repr, unseen))}"
                )
                expected = f"one of the {len(known)} of the training"
                do = "correct it, remove the line, or add it to the training"
                yield other.problem(row.line, row.id, "unseen", found, expected, do)


def check_slots(manifest: Manifest) -> Iterator[Problem]:
    """Report slots that do not match the words, and signs that s3prl's scorer uses."""
    for row in manifest.rows:
        words, tags = _words(row), _slots(row)
        if len(words) != len(tags):
            found = f"{len(words)} words and {len(tags)} tags"
            rule = ("one tag for each word ('O': none)", "correct the line")
            yield manifest.problem(row.line, row.id, "slots", found, *rule)
        if signs := {*":;"} & {*row["transcription"], *row["iob"]}:
            found = f"{' '.join(map(repr, sorted(signs)))} in it"
            rule = ("neither ':' nor ';', which part slots when scored", "remove it")
            yield manifest.problem(row.line, row.id, "signs", found, *rule)


def check_intents(manifest: Manifest) -> Iterator[Problem]:
    """Report rows with another number of labels than the first, or an empty one."""
    count = manifest.rows[0]["labels"].count(";") + 1 if manifest.rows else 0
    for row in manifest.rows:
        labels = [label.strip() for label in row["labels"].split(";")]
        if len(labels) != count or not all(labels):
            rule = (f"{count} labels parted by ' ; '", "correct the line")
            found = f"labels '{row['labels']}'"
            yield manifest.problem(row.line, row.id, "labels", found, *rule)


def check_trials(manifest: Manifest) -> Iterator[Problem]:
    """Report trials that cannot be scored."""
    if manifest.split != "test":
        return
    paths: dict[str, tuple[str, int]] = {}
    labels = {row["label"] for row in manifest.rows}
    for row in manifest.rows:
        if row["label"] not in ("0", "1"):
            rule = ("1 (same speaker) or 0", "correct the line")
            found = f"label '{row['label']}'"
            yield manifest.problem(row.line, row.id, "label", found, *rule)
        for side in "12":
            utt, path = row[f"id{side}"], row[f"wav_path{side}"]
            first, line = paths.setdefault(utt, (path, row.line))
            if path != first:
                found = f"{utt} with {path}"
                rule = (f"{first} as in line {line}", "give every id one file")
                yield manifest.problem(row.line, row.id, "two-files", found, *rule)
            header = audio_header(path)
            if not header.error and header.samples < MIN_TRIAL_SECONDS * header.fs:
                rule = (f"at least {MIN_TRIAL_SECONDS} s", "remove the trial")
                found = f"{utt} of {header.samples / header.fs:.2f} s"
                yield manifest.problem(row.line, row.id, "short", found, *rule)
    if manifest.rows and labels <= {"0", "1"} and len(labels) == 1:
        rule = ("trials of the same and of different speakers", "add the others")
        found = f"only label {labels.pop()}"
        yield manifest.problem(0, "-", "one-class", found, *rule)


def check_turns(manifest: Manifest) -> Iterator[Problem]:
    """Report recordings whose lines contradict each other or the audio."""
    first: dict[str, ManifestRow] = {}
    speakers: dict[str, set[str]] = {}
    for row in manifest.rows:
        start = first.setdefault(row["record_id"], row)
        speakers.setdefault(row["record_id"], set()).add(row["speaker"])
        for column in ("record_id", "utt_id", "speaker"):
            if len(row[column].split()) != 1:
                rule = ("no white space", "rename it")
                found = f"{column} '{row[column]}'"
                yield manifest.problem(row.line, row.id, "space", found, *rule)
        for column in ("wav_path", "duration"):
            if row[column] != start[column]:
                rule = (f"'{start[column]}' as in line {start.line}", "make them agree")
                found = f"{column} '{row[column]}' of {row['record_id']}"
                yield manifest.problem(row.line, row.id, "recording", found, *rule)
        samples = audio_header(row["wav_path"]).samples
        if samples and not abs(seconds(row["duration"]) - samples / FS) <= ROUNDING:
            rule = (f"{samples / FS:g} s, the audio's", "correct the line")
            found = f"duration '{row['duration']}'"
            yield manifest.problem(row.line, row.id, "duration", found, *rule)
    for record, names in speakers.items():
        if len(names) > NUM_SPEAKERS:
            rule = (f"at most {NUM_SPEAKERS} speakers", "remove the recording")
            found, line = f"{len(names)} speakers in {record}", first[record].line
            yield manifest.problem(line, record, "speakers", found, *rule)


def check_classes(manifest: Manifest) -> Iterator[Problem]:
    """Report a training set of a single class."""
    column = "spk" if manifest.task.name == "asv" else "label"
    classes = (
        {row[column] for row in manifest.rows} if manifest.split == "train" else {}
    )
    if len(classes) == 1:
        found = f"only {column} '{next(iter(classes))}'"
        rule = ("two or more to tell apart", "add the others")
        yield manifest.problem(0, "-", "one-class", found, *rule)


Check = Callable[[Manifest], Iterator[Problem]]
CHECKS: dict[str, tuple[Check, ...]] = {
    "sf": (check_slots,),
    "ic": (check_intents,),
    "asv": (check_trials, check_classes),
    "sd": (check_turns,),
    **{name: (check_classes,) for name in ("ks", "sid", "er", "lid")},
}
