"""Checking a data directory: every problem at once, as file:line and utterance.

A check takes the tables of a directory and yields problems; `TABLE_CHECKS` lists
those that read the lists only, `check_audio` has those that need the audio. What a
list or an audio file can be, and what is said of it (W: a warning):

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

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path

from espnet2_ext.data.check_audio import REFERENCES, Tables, audio_problems
from espnet2_ext.data.problems import Problem, Table, read_table
from espnet2_ext.fileio.names import EXPECTED, id_clashes, id_problem

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
    """Find all problems of a Kaldi-style data directory.

    Args:
        path: the directory; relative paths in its lists are taken from the working
            directory, as the recipe's stages do.
        fs: expected rate in Hz; None accepts any, and warns where there are several.
        audio: False only looks whether the audio files exist.
        jobs: parallel processes reading audio.
        required: the lists that must be there.
        channels: of all audio; None accepts any number.

    Returns:
        Errors and warnings; empty if all is well.
    """
    folder = Path(path)
    if not folder.is_dir():
        lost = ("-", "missing-file", "no such directory", "a data directory")
        return [Problem(str(folder), 0, *lost, "run stage 1, or correct the path")]
    try:
        tables = read_tables(folder)
    except OSError as error:
        why = f"a folder that cannot be read ({error.strerror})"
        rule = ("a readable folder", "change its mode or owner")
        return [Problem(str(folder), 0, "-", "forbidden-list", why, *rule)]
    problems = list(check_required(folder, tables, required))
    problems += check_segments(folder)
    for check in TABLE_CHECKS:
        problems += check(tables)
    if (folder / "segments").exists():  # ids of recordings here, of utterances there
        problems = [p for p in problems if p.kind not in ("missing-id", "extra-id")]
    return [*problems, *audio_problems(tables, fs, audio, jobs, channels)]


def read_tables(folder: Path) -> dict[str, Table]:
    """Read every list the checks know, leniently."""
    names = {*REQUIRED, *BY_UTTERANCE}
    names |= {path.name for path in folder.iterdir() if REFERENCES.match(path.name)}
    return {
        name: read_table(folder / name)
        for name in sorted(names)
        if (folder / name).is_file()
    }


def check_required(
    folder: Path, tables: Tables, required: Collection[str] = REQUIRED
) -> Iterator[Problem]:
    """Report lists that are not there; without text there is no word error rate."""
    for name in sorted({*required, "text"} - tables.keys()):
        optional = name not in required
        problem = Problem(
            str(folder / name), 0, "-", "missing-file", "no such file", "the list",
            "add it to get a WER" if optional else "run stage 1 again",
        )  # fmt: skip
        yield replace(problem, warning=optional)
    if "wav.scp" in tables and not tables["wav.scp"].entries:
        empty = ("-", "no-utterances", "no utterances", "at least one line")
        yield tables["wav.scp"].problem(0, *empty, "run stage 1 again")


def check_segments(folder: Path) -> Iterator[Problem]:
    """Report segments: nothing here applies them."""
    if (folder / "segments").exists():
        yield Problem(
            str(folder / "segments"), 0, "-", "segments",
            "segments, which no stage applies", "an audio file for each utterance",
            "cut the audio in local/data.sh and list the pieces in wav.scp",
        )  # fmt: skip


def check_ids(tables: Tables) -> Iterator[Problem]:
    """Report ids that cannot be file names, as stage 3 and 7 make them."""
    if "wav.scp" not in tables:
        return
    table = tables["wav.scp"]
    lines = table.first_lines()
    for utt, (line, _) in lines.items():
        if why := id_problem(utt):
            rule = (EXPECTED, "give it another id in all lists")
            yield table.problem(line, utt, "id", why, *rule)
    for utt, other in id_clashes(lines.keys()):
        rule = ("ids that need no common name", "rename one of them in all lists")
        found = f"an id that needs a folder where '{other}' needs a file"
        yield table.problem(lines[utt][0], utt, "id", found, *rule)


def check_lines(tables: Tables) -> Iterator[Problem]:
    """Report lines that could not be read, and ids without a value."""
    for name, table in tables.items():
        yield from table.problems
        for line, utt, value in table.entries:
            if not value and name != "text":  # check_text speaks about empty text
                lost = ("no-value", "an id without a value", "'ID VALUE'")
                yield table.problem(line, utt, *lost, "add the value")


def check_order(tables: Tables) -> Iterator[Problem]:
    """Report duplicate ids, and lines not sorted bytewise."""
    for table in tables.values():
        seen: dict[str, int] = {}
        before = ""
        for line, utt, _ in table.entries:
            if utt in seen:
                found = f"the id again (first in line {seen[utt]})"
                rule = ("every id once", "keep one of the lines")
                yield table.problem(line, utt, "duplicate-id", found, *rule)
            elif utt.encode() < before.encode():
                rule = ("bytewise order", "sort the file with LC_ALL=C sort")
                yield table.problem(line, utt, "unsorted", f"it after {before}", *rule)
            seen.setdefault(utt, line)
            before = utt


def check_same_ids(tables: Tables) -> Iterator[Problem]:
    """Report ids that wav.scp has and another list has not, and the reverse."""
    if "wav.scp" not in tables:
        return
    wav = tables["wav.scp"].first_lines()
    for name, table in tables.items():
        if name in ("wav.scp", "spk2utt"):
            continue
        other = table.first_lines()
        for utt in wav.keys() - other.keys():
            found = f"no line for it (wav.scp has it in line {wav[utt][0]})"
            do = "add the line, or remove the id from wav.scp"
            yield table.problem(0, utt, "missing-id", found, "the ids of wav.scp", do)
        for utt in other.keys() - wav.keys():
            rule = ("the ids of wav.scp", "remove the line, or add the id to wav.scp")
            line = other[utt][0]
            yield table.problem(line, utt, "extra-id", "an id not in wav.scp", *rule)


def check_speakers(tables: Tables) -> Iterator[Problem]:
    """Report where spk2utt is not the inverse of utt2spk."""
    if "utt2spk" not in tables or "spk2utt" not in tables:
        return
    utt2spk = tables["utt2spk"].first_lines()
    table = tables["spk2utt"]
    listed = set()
    do = "make spk2utt from utt2spk again"
    for line, speaker, value in table.entries:
        for utt in value.split():
            listed.add((utt, speaker))
            says = utt2spk[utt][1] if utt in utt2spk else None
            if says != speaker:
                expected = f"{says} (utt2spk)" if says else "an utterance of utt2spk"
                yield table.problem(
                    line, utt, "speaker", f"speaker {speaker}", expected, do
                )
    for utt, (line, speaker) in utt2spk.items():
        if (utt, speaker) not in listed:
            found = f"{speaker} here but not in spk2utt"
            rule = ("both lists to agree", do)
            yield tables["utt2spk"].problem(line, utt, "speaker", found, *rule)


def check_text(tables: Tables) -> Iterator[Problem]:
    """Report transcripts without a single letter or digit."""
    for line, utt, text in tables["text"].entries if "text" in tables else []:
        if not any(character.isalnum() for character in text):
            rule = ("at least one word", "add the words, or remove the utterance")
            found = f"text without words ('{text}')"
            yield tables["text"].problem(line, utt, "no-words", found, *rule)


def check_snr_values(tables: Tables) -> Iterator[Problem]:
    """Report utt2snr values that are not numbers."""
    for line, utt, value in tables["utt2snr"].entries if "utt2snr" in tables else []:
        try:
            float(value)
        except ValueError:
            rule = ("a number in dB", "correct it")
            yield tables["utt2snr"].problem(line, utt, "snr", f"'{value}'", *rule)


TABLE_CHECKS: tuple[Callable[[Tables], Iterator[Problem]], ...] = (
    check_lines,
    check_order,
    check_ids,
    check_same_ids,
    check_speakers,
    check_text,
    check_snr_values,
)
