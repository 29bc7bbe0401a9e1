"""The one table of downstream tasks on the embedded corpus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from corpus.downstream import speakers, words
from corpus.downstream.items import Most, Row, Splits, Trees
from corpus.downstream.roles import ROLES, Role
from espnet2_ext.errors import UserError, unknown_name

SIZES = ("quick", "demo", "full")


@dataclass(frozen=True)
class DownstreamTask:
    """One task.

    Attributes:
        name: as in `superb.tasks`; also the folder of its manifests.
        title: for people.
        columns: of train and valid, after ``id`` and ``wav_path``.
        define: finds the rows of every split.
        demo: rows of a stratum at most, in the demo size. A stratum is a class (sid,
            ic, ks, asv), a speaker (asr, lid), everything (pr). ``None``: not in it.
        full: the same in the full size; 0 is all.
        quick: the same in the quick size, which has the packages of the small corpus
            alone, and little time.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    define: Callable[[Trees, Most], Splits]
    demo: Most | None = None
    full: Most | None = None
    quick: Most | None = None

    def most(self, size: str) -> Most | None:
        """Give the rows of a stratum; ``None`` where a size lacks the task."""
        return {"quick": self.quick, "demo": self.demo, "full": self.full}[size]


def _most(train: int, valid: int, test: int) -> dict[Role, int]:
    return {"train": train, "valid": valid, "test": test}


ALL = _most(0, 0, 0)
TASKS: tuple[DownstreamTask, ...] = (
    DownstreamTask(
        "pr",
        "phones of read Russian",
        ("transcription",),
        words.phone_recognition,
        _most(180, 20, 24),
        ALL,
    ),
    DownstreamTask(  # the above needs a package of 179 MB
        "pr",
        "phones of Italian prompts, by rule from their spelling",
        ("transcription",),
        words.phones_of_prompts,
        quick=ALL,
    ),
    DownstreamTask(
        "asr",
        "characters of Russian sentences",
        ("transcription",),
        words.speech_recognition,
        _most(180, 20, 24),
        ALL,
    ),
    DownstreamTask(
        "sid",
        "which of the known voices",
        ("label",),
        speakers.speaker_identification,
        _most(18, 4, 6),
        ALL,
        _most(18, 4, 12),
    ),
    DownstreamTask(
        "asv",
        "same person or not, unseen voices",
        ("spk",),
        speakers.speaker_verification,
        _most(15, 0, 8),
        _most(0, 0, 25),
    ),
    DownstreamTask(
        "ic",
        "what a telephone prompt is for, in five languages",
        ("labels",),
        words.intent_classification,
        _most(80, 10, 24),
        ALL,
    ),
    DownstreamTask(
        "ks", "digits and letters", ("label",), words.keyword_spotting, ALL, ALL, ALL
    ),
    DownstreamTask(
        "lid",
        "which of three languages, where the channel does not tell",
        ("label",),
        speakers.language_identification,
        _most(36, 8, 16),
        ALL,
    ),
)


def find_tasks(trees: Trees, size: str) -> dict[str, Splits]:
    """Find the rows of every task.

    Raises:
        UserError: if the size is unknown, or a task has no rows for a split (all such
            tasks are named).
    """
    if size not in SIZES:
        raise unknown_name("--superb_size", size, SIZES)
    found = {
        task.name: task.define(trees, most)
        for task in TASKS
        if (most := task.most(size)) is not None
    }
    lost = [
        f"{name}: {role}"
        for name, splits in found.items()
        for role in ROLES
        if not splits[role] and (name, role) != ("asv", "valid")
    ]
    if lost:
        raise UserError(
            f"found no recordings for {', '.join(lost)}; expected them in the Debian "
            "packages (warnings about missing ones are above). Try a release that has "
            "them all."
        )
    check_apart(found)
    return found


def check_apart(found: Mapping[str, Splits]) -> None:
    """Assert that no clip of a task is in two of its splits, whatever the packages."""
    for name, splits in found.items():
        seen: dict[str, Role] = {}
        for role in ROLES:
            for clip in _clips(splits[role]):
                assert seen.setdefault(clip, role) == role, f"{name}: {clip}"


def _clips(rows: list[Row]) -> set[str]:
    return {
        clip.path
        for row in rows
        for utterance in row.speech
        for clip in utterance.clips
    }


def table_header(task: DownstreamTask, role: Role) -> list[str]:
    """Give the CSV columns of a split; the test of asv is a list of trials."""
    if task.name == "asv" and role == "test":
        return ["id1", "id2", "wav_path1", "wav_path2", "label"]
    return ["id", "wav_path", *task.columns]
