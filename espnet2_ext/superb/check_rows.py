"""Checks of what a task's rows mean: labels, words, trials, turns of speakers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

from espnet2_ext.data.problems import Problem
from espnet2_ext.superb.manifest import FS, Manifest, ManifestRow, audio_header

NUM_SPEAKERS = 2  # of a recording: the outputs of s3prl's diarisation model
MIN_TRIAL_SECONDS = 0.3  # the x-vector's convolutions span 15 frames of 20 ms
ROUNDING = 0.02  # s that a stated time may exceed the audio's


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
                shown = " ".join(map(repr, unseen))
                yield other.at(row.line, row.id).problem(
                    "unseen",
                    found=f"{what} not in {train.path.name}: {shown}",
                    expected=f"one of the {len(known)} of the training",
                    do="correct it, remove the line, or add it to the training",
                )


def check_slots(manifest: Manifest) -> Iterator[Problem]:
    """Report slots that do not match the words, and signs that s3prl's scorer uses."""
    for row in manifest.rows:
        words, tags = _words(row), _slots(row)
        if len(words) != len(tags):
            yield manifest.at(row.line, row.id).problem(
                "slots",
                found=f"{len(words)} words and {len(tags)} tags",
                expected="one tag for each word ('O': none)",
                do="correct the line",
            )
        if signs := {*":;"} & {*row["transcription"], *row["iob"]}:
            yield manifest.at(row.line, row.id).problem(
                "signs",
                found=f"{' '.join(map(repr, sorted(signs)))} in it",
                expected="neither ':' nor ';', which part slots when scored",
                do="remove it",
            )


def check_intents(manifest: Manifest) -> Iterator[Problem]:
    """Report rows with another number of labels than the first, or an empty one."""
    count = manifest.rows[0]["labels"].count(";") + 1 if manifest.rows else 0
    for row in manifest.rows:
        labels = [label.strip() for label in row["labels"].split(";")]
        if len(labels) != count or not all(labels):
            yield manifest.at(row.line, row.id).problem(
                "labels",
                found=f"labels '{row['labels']}'",
                expected=f"{count} labels parted by ' ; '",
                do="correct the line",
            )


def check_trials(manifest: Manifest) -> Iterator[Problem]:
    """Report trials that cannot be scored."""
    if manifest.split != "test":
        return
    paths: dict[str, tuple[str, int]] = {}
    labels = {row["label"] for row in manifest.rows}
    for row in manifest.rows:
        if row["label"] not in ("0", "1"):
            yield manifest.at(row.line, row.id).problem(
                "label",
                found=f"label '{row['label']}'",
                expected="1 (same speaker) or 0",
                do="correct the line",
            )
        for side in "12":
            utt, path = row[f"id{side}"], row[f"wav_path{side}"]
            first, line = paths.setdefault(utt, (path, row.line))
            if path != first:
                yield manifest.at(row.line, row.id).problem(
                    "two-files",
                    found=f"{utt} with {path}",
                    expected=f"{first} as in line {line}",
                    do="give every id one file",
                )
            header = audio_header(path)
            if not header.error and header.samples < MIN_TRIAL_SECONDS * header.fs:
                yield manifest.at(row.line, row.id).problem(
                    "short",
                    found=f"{utt} of {header.samples / header.fs:.2f} s",
                    expected=f"at least {MIN_TRIAL_SECONDS} s",
                    do="remove the trial",
                )
    if manifest.rows and labels <= {"0", "1"} and len(labels) == 1:
        yield manifest.at().problem(
            "one-class",
            found=f"only label {labels.pop()}",
            expected="trials of the same and of different speakers",
            do="add the others",
        )


def check_turns(manifest: Manifest) -> Iterator[Problem]:
    """Report recordings whose lines contradict each other or the audio."""
    first: dict[str, ManifestRow] = {}
    speakers: dict[str, set[str]] = {}
    for row in manifest.rows:
        start = first.setdefault(row["record_id"], row)
        speakers.setdefault(row["record_id"], set()).add(row["speaker"])
        for column in ("record_id", "utt_id", "speaker"):
            if len(row[column].split()) != 1:
                yield manifest.at(row.line, row.id).problem(
                    "space",
                    found=f"{column} '{row[column]}'",
                    expected="no white space",
                    do="rename it",
                )
        for column in ("wav_path", "duration"):
            if row[column] != start[column]:
                yield manifest.at(row.line, row.id).problem(
                    "recording",
                    found=f"{column} '{row[column]}' of {row['record_id']}",
                    expected=f"'{start[column]}' as in line {start.line}",
                    do="make them agree",
                )
        samples = audio_header(row["wav_path"]).samples
        if samples and not abs(seconds(row["duration"]) - samples / FS) <= ROUNDING:
            yield manifest.at(row.line, row.id).problem(
                "duration",
                found=f"duration '{row['duration']}'",
                expected=f"{samples / FS:g} s, the audio's",
                do="correct the line",
            )
    for record, names in speakers.items():
        if len(names) > NUM_SPEAKERS:
            yield manifest.at(first[record].line, record).problem(
                "speakers",
                found=f"{len(names)} speakers in {record}",
                expected=f"at most {NUM_SPEAKERS} speakers",
                do="remove the recording",
            )


def check_classes(manifest: Manifest) -> Iterator[Problem]:
    """Report a training set of a single class."""
    column = "spk" if manifest.task.name == "asv" else "label"
    classes = (
        {row[column] for row in manifest.rows} if manifest.split == "train" else {}
    )
    if len(classes) == 1:
        yield manifest.at().problem(
            "one-class",
            found=f"only {column} '{next(iter(classes))}'",
            expected="two or more to tell apart",
            do="add the others",
        )


Check = Callable[[Manifest], Iterator[Problem]]
CHECKS: dict[str, tuple[Check, ...]] = {
    "sf": (check_slots,),
    "ic": (check_intents,),
    "asv": (check_trials, check_classes),
    "sd": (check_turns,),
    **{name: (check_classes,) for name in ("ks", "sid", "er", "lid")},
}
