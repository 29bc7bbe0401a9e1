"""Checking a data directory: every problem at once, as file:line and utterance.

A check takes the lists of a directory and yields problems. `check_lists` has the checks
of the lists alone, `check_audio` those that need the audio. These are the defects of
lists and audio, and the kinds of problems that report them (W: a warning):

| a list is                            | kind                                      |
|--------------------------------------|-------------------------------------------|
| not there, without permission        | missing-file (text: W), forbidden-list    |
| empty                                | no-utterances                             |
| not UTF-8, with a byte-order mark    | encoding, byte-order-mark                 |
| with empty lines, tabs, no values    | empty-line, tab, no-value                 |
| not in order, with an id twice       | unsorted, duplicate-id                    |
| not of the ids of wav.scp            | missing-id, extra-id                      |
| utt2spk unlike spk2utt               | speaker                                   |
| text without words, snr not a number | no-words, snr                             |
| of ids that are no file names        | id (absolute, '..', too long, two alike)  |
| segments                             | segments: not applied, cut the audio      |
| of Windows (CRLF)                    | read as it is meant                       |

| audio is                             | kind                                      |
|--------------------------------------|-------------------------------------------|
| not there, a folder, a dangling link | missing-audio                             |
| without permission                   | forbidden-audio                           |
| of 0 bytes, without samples          | empty-audio                               |
| cut short, with an unfinished header | truncated-audio, unfinished-audio         |
| not audio, a git-lfs pointer         | unreadable-audio                          |
| a command (`sox ... |`)              | pipe-audio                                |
| of unknown length (FLAC, pipes)      | decoded and counted                       |
| at another rate than its mixture     | rate (only than most of the set: W)       |
| of several channels                  | channels                                  |
| longer or shorter than its mixture   | length                                    |
| NaN or infinite, all zero            | not-finite, all-zero                      |
| clipped                              | clipped (W)                               |
| the mixture itself, listed twice     | same-audio (W)                            |
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from espnet2_ext.data.check_audio import REFERENCES, Tables, audio_problems
from espnet2_ext.data.check_lists import TABLE_CHECKS
from espnet2_ext.data.problems import Place, Problem, Table, read_list

REQUIRED = ("wav.scp", "spk1.scp", "utt2spk", "spk2utt")
BY_UTTERANCE = ("utt2spk", "text", "utt2snr", "utt2noise", "utt2lang")


def check_data_dir(
    path: str | Path,
    fs: int | None = None,
    audio: bool = True,
    jobs: int = 1,
    required: Collection[str] = REQUIRED,
    channels: int | None = 1,
) -> list[Problem]:
    """Find all problems of a Kaldi data directory.

    Args:
        path: the directory; relative paths in its lists start from the working
            directory, as in the recipe's stages.
        fs: expected rate in Hz; None accepts any, and warns if there are several.
        audio: False only checks that the audio files exist.
        jobs: number of processes that read audio.
        required: names of the lists that must exist.
        channels: expected number of channels; None accepts any.

    Returns:
        Errors and warnings; empty if there are none.
    """
    folder = Path(path)
    if not folder.is_dir():
        return [
            Place(str(folder)).problem(
                "missing-file",
                found="no such directory",
                expected="a data directory",
                do="run stage 1, or correct the path",
            )
        ]
    try:
        tables = read_lists(folder)
    except OSError as error:
        return [
            Place(str(folder)).problem(
                "forbidden-list",
                found=f"a folder that cannot be read ({error.strerror})",
                expected="a readable folder",
                do="change its mode or owner",
            )
        ]
    problems = list(check_required(folder, tables, required))
    problems += check_no_segments(folder)
    for check in TABLE_CHECKS:
        problems += check(tables)
    if (folder / "segments").exists():  # ids of recordings here, of utterances there
        problems = [p for p in problems if p.kind not in ("missing-id", "extra-id")]
    return [*problems, *audio_problems(tables, fs, audio, jobs, channels)]


def read_lists(folder: Path) -> dict[str, Table]:
    """Read every list that the checks know; a bad line is a problem, no exception."""
    names = {*REQUIRED, *BY_UTTERANCE}
    names |= {path.name for path in folder.iterdir() if REFERENCES.match(path.name)}
    return {
        name: read_list(folder / name)
        for name in sorted(names)
        if (folder / name).is_file()
    }


def check_required(
    folder: Path, tables: Tables, required: Collection[str] = REQUIRED
) -> Iterator[Problem]:
    """Report missing lists; without text there is no word error rate."""
    for name in sorted({*required, "text"} - tables.keys()):
        optional = name not in required
        yield Place(str(folder / name)).problem(
            "missing-file",
            found="no such file",
            expected="the list",
            do="add it to get a WER" if optional else "run stage 1 again",
            warning=optional,
        )
    if "wav.scp" in tables and not tables["wav.scp"].entries:
        yield Place(tables["wav.scp"].path).problem(
            "no-utterances",
            found="no utterances",
            expected="at least one line",
            do="run stage 1 again",
        )


def check_no_segments(folder: Path) -> Iterator[Problem]:
    """Report segments, which no stage applies."""
    if (folder / "segments").exists():
        yield Place(str(folder / "segments")).problem(
            "segments",
            found="segments, which no stage applies",
            expected="an audio file for each utterance",
            do="cut the audio in local/data.sh and list the pieces in wav.scp",
        )
