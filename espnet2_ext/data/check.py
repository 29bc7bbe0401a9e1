"""Checking a data directory: every problem at once, as file:line and utterance.

A check takes the tables of a directory and yields problems; `TABLE_CHECKS` lists
those that read the lists only, `audio_checks` those that need the audio.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from espnet2_ext.data.audiofacts import AudioFacts, inspect_audio
from espnet2_ext.data.problems import Problem, Table, read_table

REQUIRED = ("wav.scp", "spk1.scp", "utt2spk", "spk2utt")
REFERENCES = re.compile(r"^(spk|noise|dereverb)\d+\.scp$")
BY_UTTERANCE = ("utt2spk", "text", "utt2snr", "utt2noise", "utt2lang")

Tables = Mapping[str, Table]
Facts = Mapping[tuple[str, str], AudioFacts]  # (file, utterance) -> findings


def check_data_dir(
    path: str | Path,
    fs: int | None = None,
    audio: bool = True,
    jobs: int = 1,
    required: Collection[str] = REQUIRED,
) -> list[Problem]:
    """Find all problems of a Kaldi-style data directory.

    Args:
        path: the directory; relative paths in its lists are taken from the working
            directory, as the recipe's stages do.
        fs: expected rate in Hz; None accepts any one rate.
        audio: False only looks whether the audio files exist.
        jobs: parallel processes reading audio.
        required: the lists that must be there.

    Returns:
        Errors and warnings; empty if all is well.
    """
    folder = Path(path)
    if not folder.is_dir():
        lost = ("-", "missing-file", "no such directory", "a data directory")
        return [Problem(str(folder), 0, *lost, "run stage 1, or correct the path")]
    tables = read_tables(folder)
    problems = list(check_required(folder, tables, required))
    for check in TABLE_CHECKS:
        problems += check(tables)
    facts = inspect_all(tables, audio, jobs)
    problems += check_readable(tables, facts)
    problems += check_rates(tables, facts, fs)
    problems += check_lengths(tables, facts)
    problems += check_samples(tables, facts)
    return problems


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
    check_same_ids,
    check_speakers,
    check_text,
    check_snr_values,
)


def audio_tables(tables: Tables) -> dict[str, Table]:
    """Pick the lists whose values are audio."""
    return {
        name: table
        for name, table in tables.items()
        if name == "wav.scp" or REFERENCES.match(name)
    }


def inspect_all(tables: Tables, audio: bool, jobs: int) -> dict:
    """Look at every audio entry, with a progress bar; see `Facts`."""
    from tqdm import tqdm

    keys, sources = [], []
    for name, table in audio_tables(tables).items():
        for utt, (_, source) in table.first_lines().items():
            if source:
                keys.append((name, utt))
                sources.append(source)
    look = functools.partial(inspect_audio, read_samples=audio)
    tqdm.monitor_interval = 0  # its thread and forked workers do not go together
    few = len(keys) < 500 or not audio  # done before a bar could be read
    bar = functools.partial(
        tqdm, total=len(keys), desc="audio", mininterval=2, disable=few
    )
    if jobs <= 1 or few:
        return dict(zip(keys, bar(map(look, sources)), strict=True))
    with ProcessPoolExecutor(jobs) as workers:
        found = workers.map(look, sources, chunksize=16)
        return dict(zip(keys, bar(found), strict=True))


def _entries(
    tables: Tables, facts: Facts
) -> Iterator[tuple[Table, int, str, AudioFacts]]:
    for name, table in audio_tables(tables).items():
        for utt, (line, _) in table.first_lines().items():
            if (name, utt) in facts:
                yield table, line, utt, facts[name, utt]


ADVICE = {
    "missing": ("an audio file", "correct the path, or make the file again"),
    "empty": ("audio with samples", "make the file again"),
    "truncated": ("the whole file", "copy or make it again"),
    "unreadable": ("wav, flac, ogg or an ark entry", "convert or make it again"),
    "pipe": ("a file or an ark entry", "run the command and list its output"),
}


def check_readable(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report audio that is missing, empty, truncated or cannot be decoded."""
    for table, line, utt, fact in _entries(tables, facts):
        if fact.broken:
            rule = ADVICE[fact.broken]
            yield table.problem(line, utt, f"{fact.broken}-audio", fact.detail, *rule)


def check_rates(tables: Tables, facts: Facts, fs: int | None) -> Iterator[Problem]:
    """Report audio at another rate than ``fs``, or than most of the directory."""
    rates = Counter(fact.fs for fact in facts.values() if fact.fs)
    if not rates:
        return
    expected = fs or rates.most_common(1)[0][0]
    for table, line, utt, fact in _entries(tables, facts):
        if fact.fs and fact.fs != expected:
            rule = (f"{expected} Hz", "resample it (stage 3 does: --fs)")
            yield table.problem(line, utt, "rate", f"{fact.fs} Hz", *rule)


def check_lengths(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report references that are not as long as their mixture."""
    for table, line, utt, fact in _entries(tables, facts):
        mixture = facts.get(("wav.scp", utt), AudioFacts())
        if fact.samples and mixture.samples and fact.samples != mixture.samples:
            rule = (f"{mixture.samples} as in wav.scp", "align and cut both")
            found = f"{fact.samples} samples"
            yield table.problem(line, utt, "length", found, *rule)


def check_samples(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report NaN and all-zero audio, and warn about clipping."""
    for table, line, utt, fact in _entries(tables, facts):
        if fact.not_finite:
            found = f"{fact.not_finite} samples that are NaN or infinite"
            rule = ("finite samples", "make the file again")
            yield table.problem(line, utt, "not-finite", found, *rule)
        if fact.silent:
            rule = ("a signal", "remove the utterance")
            yield table.problem(line, utt, "all-zero", "only zeros", *rule)
        if fact.clipped:
            found = f"{fact.clipped} samples clipped at full scale"
            rule = ("peaks below full scale", "lower the level where it was mixed")
            problem = table.problem(line, utt, "clipped", found, *rule)
            yield replace(problem, warning=True)
