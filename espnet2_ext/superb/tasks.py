"""The one table of downstream tasks; imports neither torch nor s3prl."""

from __future__ import annotations

from dataclasses import dataclass

from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.superb.statistics import (
    ACCURACY,
    DER,
    EER,
    ERROR_RATE,
    MEAN_F1,
    TaskStatistic,
)

SEGMENT = ("start_sec", "end_sec")


@dataclass(frozen=True)
class Task:
    """One downstream task.

    Attributes:
        name: lower case, as on the command line and in directories.
        title: as printed.
        problem: class of ``s3prl.problem`` that does it.
        metric: the main metric, as s3prl calls it.
        statistic: how the value follows from the items.
        columns: what train.csv and valid.csv must have.
        test_columns: what test.csv must have; empty: the same.
        optional: columns that may be there.
        has_valid: False where s3prl has no validation set.
        unit: of the printed value.
    """

    name: str
    title: str
    problem: str
    metric: str
    statistic: TaskStatistic
    columns: tuple[str, ...]
    test_columns: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    has_valid: bool = True
    unit: str = "%"

    @property
    def splits(self) -> tuple[str, ...]:
        """The CSV files of the task, without the suffix."""
        return ("train", "valid", "test") if self.has_valid else ("train", "test")

    def columns_of(self, split: str) -> tuple[str, ...]:
        """Give the required columns of a split."""
        return (split == "test" and self.test_columns) or self.columns

    def audio_columns(self, split: str) -> tuple[str, ...]:
        """Give the columns of a split that hold audio paths."""
        return tuple(c for c in self.columns_of(split) if c.startswith("wav_path"))


TEXT = ("id", "wav_path", "transcription")
CLASS = ("id", "wav_path", "label")
TRIAL = ("id1", "id2", "wav_path1", "wav_path2", "label")
TURN = ("record_id", "duration", "wav_path", "utt_id", "speaker", *SEGMENT)


def _classify(name: str, title: str, problem: str) -> Task:
    return Task(
        name=name,
        title=title,
        problem=problem,
        metric="accuracy",
        statistic=ACCURACY,
        columns=CLASS,
        optional=SEGMENT,
    )


_ALL = (
    Task(
        name="pr",
        title="phone recognition",
        problem="SuperbPR",
        metric="per",
        statistic=ERROR_RATE,
        columns=TEXT,
    ),
    Task(
        name="asr",
        title="speech recognition",
        problem="SuperbASR",
        metric="wer",
        statistic=ERROR_RATE,
        columns=TEXT,
    ),
    _classify("ks", "keyword spotting", "SuperbKS"),
    Task(
        name="ic",
        title="intent classification",
        problem="SuperbIC",
        metric="accuracy",
        statistic=ACCURACY,
        columns=("id", "wav_path", "labels"),
    ),
    _classify("sid", "speaker identification", "SuperbSID"),
    Task(
        name="asv",
        title="speaker verification",
        problem="SuperbASV",
        metric="EER",
        statistic=EER,
        columns=("id", "wav_path", "spk"),
        test_columns=TRIAL,
        has_valid=False,
    ),
    Task(
        name="sd",
        title="speaker diarisation",
        problem="SuperbSD",
        metric="der",
        statistic=DER,
        columns=TURN,
    ),
    _classify("er", "emotion recognition", "SuperbER"),
    Task(
        name="sf",
        title="slot filling",
        problem="SuperbSF",
        metric="slot_type_f1",
        statistic=MEAN_F1,
        columns=(*TEXT, "iob"),
    ),
    # not in SUPERB: the class of speaker identification with languages as labels
    _classify("lid", "language identification", "SuperbSID"),
)

TASKS = {task.name: task for task in _ALL}


def task_of(name: str) -> Task:
    """Look a task up.

    Raises:
        UserError: if there is no such task, with the closest match.
    """
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return TASKS[name]


def parse_tasks(text: str) -> list[Task]:
    """Read ``--tasks``: names separated by white space, in that order, each once.

    Raises:
        UserError: on an unknown name, or if there is none.
    """
    tasks = [task_of(name) for name in dict.fromkeys(text.split())]
    if not tasks:
        raise UserError(f"--tasks is empty; expected some of: {' '.join(TASKS)}.")
    return tasks
