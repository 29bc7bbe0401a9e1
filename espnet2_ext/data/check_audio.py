"""Checks of a data directory that read its audio."""

from __future__ import annotations

import functools
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from espnet2_ext.data.audiofacts import AudioFacts, inspect_audio
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.data.problems import Problem, Table

REFERENCES = re.compile(r"^(spk|noise|dereverb)\d+\.scp$")

Tables = Mapping[str, Table]
Facts = Mapping[tuple[str, str], AudioFacts]  # (file, utterance) -> findings


def audio_problems(
    tables: Tables, fs: int | None, audio: bool, jobs: int, channels: int | None
) -> Iterator[Problem]:
    """Yield the problems of the audio; see `check_data_dir` for the arguments."""
    facts = inspect_all(tables, audio, jobs)
    yield from check_readable(tables, facts)
    yield from check_rates(tables, facts, fs)
    yield from check_channels(tables, facts, channels)
    yield from check_reference_lengths(tables, facts)
    yield from check_samples(tables, facts)
    yield from check_same_file(tables)


def audio_tables(tables: Tables) -> dict[str, Table]:
    """Return the lists whose values are audio."""
    return {
        name: table
        for name, table in tables.items()
        if name == "wav.scp" or REFERENCES.match(name)
    }


def inspect_all(tables: Tables, audio: bool, jobs: int) -> dict:
    """Inspect every audio entry, with a progress bar; see `Facts`."""
    keys, sources = [], []
    for name, table in audio_tables(tables).items():
        for utt, (_, source) in table.first_lines().items():
            if source:
                keys.append((name, utt))
                sources.append(source)
    look = functools.partial(inspect_audio, read_samples=audio)
    few = len(keys) < 500 or not audio  # done before a bar could be read
    found = in_parallel(look, sources, 1 if few else jobs, "audio", silent=few)
    return dict(zip(keys, found, strict=True))


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
    "unfinished": ("a header with its length", "write it anew (sox --ignore-length)"),
    "truncated": ("the whole file", "copy or make it again"),
    "unreadable": ("wav, flac, ogg or an ark entry", "convert or make it again"),
    "forbidden": ("audio that may be read", "change its mode or owner"),
    "pipe": ("a file or an ark entry", "run the command and list its output"),
}


def check_readable(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report audio that is missing, empty, truncated or cannot be decoded."""
    for table, line, utt, fact in _entries(tables, facts):
        if fact.broken:
            expected, do = ADVICE[fact.broken]
            yield table.at(line, utt).problem(
                f"{fact.broken}-audio", found=fact.detail, expected=expected, do=do
            )


def check_rates(tables: Tables, facts: Facts, fs: int | None) -> Iterator[Problem]:
    """Report audio at another rate than ``fs``, or than its mixture.

    Different rates are only a warning if each mixture has the rate of its references:
    stage 3 resamples them.
    """
    rates = Counter(fact.fs for fact in facts.values() if fact.fs)
    most = rates.most_common(1)[0][0] if rates else 0
    for table, line, utt, fact in _entries(tables, facts):
        mixture = facts.get(("wav.scp", utt), AudioFacts())
        if not fact.fs or fact.fs == fs:
            continue
        if mixture.fs and fact.fs != mixture.fs:
            yield table.at(line, utt).problem(
                "rate",
                found=f"{fact.fs} Hz",
                expected=f"{mixture.fs} Hz as in wav.scp",
                do="resample one of them",
            )
        elif fact.fs != (fs or most):
            yield table.at(line, utt).problem(
                "rate",
                found=f"{fact.fs} Hz",
                expected=f"{fs or most} Hz",
                do="stage 3 resamples it (--fs)",
                warning=fs is None,
            )


def check_channels(
    tables: Tables, facts: Facts, channels: int | None
) -> Iterator[Problem]:
    """Report audio with another number of channels than ``channels``."""
    for table, line, utt, fact in _entries(tables, facts):
        if channels and fact.channels and fact.channels != channels:
            yield table.at(line, utt).problem(
                "channels",
                found=f"{fact.channels} channels",
                expected=f"{channels}",
                do="take one of them (sox IN OUT remix 1)",
            )


def check_reference_lengths(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report references with another length than their mixture."""
    for table, line, utt, fact in _entries(tables, facts):
        mixture = facts.get(("wav.scp", utt), AudioFacts())
        if not (fact.samples and mixture.samples) or fact.fs != mixture.fs:
            continue
        if fact.samples != mixture.samples:
            yield table.at(line, utt).problem(
                "length",
                found=f"{fact.samples} samples",
                expected=f"{mixture.samples} as in wav.scp",
                do="align and cut both",
            )


def check_samples(tables: Tables, facts: Facts) -> Iterator[Problem]:
    """Report NaN and all-zero audio, and warn about clipping."""
    for table, line, utt, fact in _entries(tables, facts):
        if fact.not_finite:
            yield table.at(line, utt).problem(
                "not-finite",
                found=f"{fact.not_finite} samples that are NaN or infinite",
                expected="finite samples",
                do="make the file again",
            )
        if fact.silent:
            yield table.at(line, utt).problem(
                "all-zero",
                found="only zeros",
                expected="a signal",
                do="remove the utterance",
            )
        if fact.clipped:
            yield table.at(line, utt).problem(
                "clipped",
                found=f"{fact.clipped} samples clipped at full scale",
                expected="peaks below full scale",
                do="lower the level where it was mixed",
                warning=True,
            )


def check_same_file(tables: Tables) -> Iterator[Problem]:
    """Warn if a reference is the mixture itself, or a mixture is listed twice."""
    mixtures = tables.get("wav.scp", Table("wav.scp"))
    wav = mixtures.first_lines()
    seen: dict[str, str] = {}
    for utt, (line, source) in wav.items():
        real = os.path.realpath(source)
        if source and real in seen:
            yield mixtures.at(line, utt).problem(
                "same-audio",
                found=f"the audio of '{seen[real]}' again",
                expected="a mixture of its own",
                do="correct the path",
                warning=True,
            )
        seen.setdefault(real, utt)
    for name, table in audio_tables(tables).items():
        if name != "wav.scp":
            yield from _same_as_mixture(table, wav)


def _same_as_mixture(
    table: Table, wav: Mapping[str, tuple[int, str]]
) -> Iterator[Problem]:
    """Warn of references that are the mixture; of a whole set of them once."""
    lines = table.first_lines()
    same = [
        (utt, line)
        for utt, (line, source) in lines.items()
        if source and source == wav.get(utt, (0, ""))[1]
    ]
    whole = len(same) == len(lines)
    do = "mix on the fly (preprocessor: on_the_fly), or " if whole else ""
    for utt, line in same[:1] if whole else same:
        yield table.at(line, utt).problem(
            "same-audio",
            found="the mixture itself" + (", as in every line" if whole else ""),
            expected="clean speech or noise",
            do=f"{do}correct the path",
            warning=True,
        )
