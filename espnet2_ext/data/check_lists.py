"""Checks of a data directory that read only its lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from espnet2_ext.data.check_audio import Tables
from espnet2_ext.data.problems import Problem, Table
from espnet2_ext.fileio.names import VALID_ID, id_clashes, id_problem


def check_file_names(tables: Tables) -> Iterator[Problem]:
    """Report ids that cannot be file names; stages 3 and 7 make files of them."""
    if "wav.scp" not in tables:
        return
    table = tables["wav.scp"]
    lines = table.first_lines()
    for utt, (line, _) in lines.items():
        if why := id_problem(utt):
            yield table.at(line, utt).problem(
                "id", found=why, expected=VALID_ID, do="give it another id in all lists"
            )
    for utt, other in id_clashes(lines.keys()):
        yield table.at(lines[utt][0], utt).problem(
            "id",
            found=f"an id that needs a folder where '{other}' needs a file",
            expected="ids that need no common name",
            do="rename one of them in all lists",
        )


def check_lines(tables: Tables) -> Iterator[Problem]:
    """Report lines that could not be read, and ids without a value."""
    for name, table in tables.items():
        yield from table.problems
        for line, utt, value in table.entries:
            if not value and name != "text":  # check_text speaks about empty text
                yield table.at(line, utt).problem(
                    "no-value",
                    found="an id without a value",
                    expected="'ID VALUE'",
                    do="add the value",
                )


def check_order(tables: Tables) -> Iterator[Problem]:
    """Report duplicate ids, and lines not sorted bytewise."""
    for table in tables.values():
        seen: dict[str, int] = {}
        before = ""
        for line, utt, _ in table.entries:
            if utt in seen:
                yield table.at(line, utt).problem(
                    "duplicate-id",
                    found=f"the id again (first in line {seen[utt]})",
                    expected="every id once",
                    do="keep one of the lines",
                )
            elif utt.encode() < before.encode():
                yield table.at(line, utt).problem(
                    "unsorted",
                    found=f"it after {before}",
                    expected="bytewise order",
                    do="sort the file with LC_ALL=C sort",
                )
            seen.setdefault(utt, line)
            before = utt


def check_same_ids(tables: Tables) -> Iterator[Problem]:
    """Report ids that only wav.scp has, or only another list."""
    if "wav.scp" not in tables:
        return
    wav = tables["wav.scp"].first_lines()
    for name, table in tables.items():
        if name in ("wav.scp", "spk2utt"):
            continue
        other = table.first_lines()
        for utt in wav.keys() - other.keys():
            yield table.at(0, utt).problem(
                "missing-id",
                found=f"no line for it (wav.scp has it in line {wav[utt][0]})",
                expected="the ids of wav.scp",
                do="add the line, or remove the id from wav.scp",
            )
        for utt in other.keys() - wav.keys():
            yield table.at(other[utt][0], utt).problem(
                "extra-id",
                found="an id not in wav.scp",
                expected="the ids of wav.scp",
                do="remove the line, or add the id to wav.scp",
            )


def check_speakers(tables: Tables) -> Iterator[Problem]:
    """Report where spk2utt is not the inverse of utt2spk."""
    if "utt2spk" not in tables or "spk2utt" not in tables:
        return
    speakers, table = tables["utt2spk"], tables["spk2utt"]
    utt2spk = speakers.first_lines()
    listed = set()
    do = "make spk2utt from utt2spk again"
    for line, speaker, value in table.entries:
        for utt in value.split():
            listed.add((utt, speaker))
            says = utt2spk[utt][1] if utt in utt2spk else None
            if says != speaker:
                expected = f"{says} (utt2spk)" if says else "an utterance of utt2spk"
                yield table.at(line, utt).problem(
                    "speaker", found=f"speaker {speaker}", expected=expected, do=do
                )
    for utt, (line, speaker) in utt2spk.items():
        if (utt, speaker) not in listed:
            yield speakers.at(line, utt).problem(
                "speaker",
                found=f"{speaker} here but not in spk2utt",
                expected="both lists to agree",
                do=do,
            )


def check_text(tables: Tables) -> Iterator[Problem]:
    """Report transcripts without a single letter or digit."""
    table = tables.get("text", Table("text"))
    for line, utt, text in table.entries:
        if not any(character.isalnum() for character in text):
            yield table.at(line, utt).problem(
                "no-words",
                found=f"text without words ('{text}')",
                expected="at least one word",
                do="add the words, or remove the utterance",
            )


def check_snr_values(tables: Tables) -> Iterator[Problem]:
    """Report utt2snr values that are not numbers."""
    table = tables.get("utt2snr", Table("utt2snr"))
    for line, utt, value in table.entries:
        try:
            float(value)
        except ValueError:
            yield table.at(line, utt).problem(
                "snr",
                found=f"'{value}'",
                expected="a number in dB",
                do="correct it",
            )


TABLE_CHECKS: tuple[Callable[[Tables], Iterator[Problem]], ...] = (
    check_lines,
    check_order,
    check_file_names,
    check_same_ids,
    check_speakers,
    check_text,
    check_snr_values,
)
