"""A Kaldi data directory of enhanced audio that ESPnet's own scripts accept."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import read_scp, utt2spk_to_spk2utt, write_scp

ILLEGAL = ("<s>", "</s>", "#0")  # words that Kaldi's validate_data_dir.sh refuses
LISTED = 20  # at most so many problems in a message
SPEAKERS = ("keep", "utterance")


def read_tables(scp: str, data_dir: Path, speaker: str) -> dict[str, dict[str, str]]:
    """Read the audio of ``scp``, and text and utt2spk of ``data_dir``.

    Args:
        scp: the paths in it become absolute.
        data_dir: the data directory of the noisy audio.
        speaker: one of `SPEAKERS`; "utterance" makes each utterance its own speaker.

    Returns:
        Name of a file of the data directory -> its table.
    """
    wavs = read_scp(scp)
    tables = {
        "wav.scp": {key: os.path.abspath(path) for key, path in wavs.items()},
        "text": read_scp(data_dir / "text"),
        "utt2spk": read_scp(data_dir / "utt2spk"),
    }
    if speaker == "utterance":
        tables["utt2spk"] = {key: key for key in tables["utt2spk"]}
    return tables


def kaldi_problems(tables: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield what ESPnet's scripts or Kaldi's validate_data_dir.sh would refuse."""
    keys = tables["wav.scp"].keys()
    for name, table in tables.items():
        for key in sorted(keys - table.keys()):
            yield f"{name}: '{key}' is missing; the audio has it"
        for key in sorted(table.keys() - keys):
            yield f"{name}: '{key}' is too much; the audio lacks it"
    for key, path in tables["wav.scp"].items():
        if not os.path.isfile(path):
            yield f"wav.scp: '{key}': {path} is no audio file"
        elif re.search(r"\s", path):
            yield f"wav.scp: '{key}': white space in the path {path}"
    for key, words in tables["text"].items():
        yield from (f"text: '{key}': {bad}" for bad in _bad_words(words))
    yield from _bad_speakers(tables["utt2spk"])


def _bad_words(words: str) -> Iterator[str]:
    for word in set(ILLEGAL).intersection(words.split()):
        yield f"the word {word}, which Kaldi keeps for itself"
    for sign in sorted(set(words)):
        name = unicodedata.name(sign, f"U+{ord(sign):04X}")
        if sign.isspace() and sign != " ":
            yield f"white space other than the space: {name}"
        elif not sign.isprintable():
            yield f"the unprintable character {name}"


def _bad_speakers(utt2spk: Mapping[str, str]) -> Iterator[str]:
    """Check that sorting by utterance sorts by speaker, as ``sort -k2 -C`` does."""
    keys = sorted(utt2spk, key=str.encode)
    for first, second in pairwise(keys):
        if utt2spk[second].encode() < utt2spk[first].encode():
            yield (
                f"utt2spk: '{second}' of {utt2spk[second]} comes after one of "
                f"{utt2spk[first]}: Kaldi wants speaker ids to begin the utterance "
                "ids; keep the ids with --speaker utterance"
            )
    for key, spk in utt2spk.items():
        if len(spk.split()) != 1:
            yield f"utt2spk: '{key}': '{spk}'; expected one speaker without spaces"


def write_data_dir(tables: Mapping[str, Mapping[str, str]], out_dir: Path) -> None:
    """Write the directory, wav.scp last.

    Raises:
        UserError: listing every problem; nothing is written then.
    """
    found = list(kaldi_problems(tables))
    if found:
        more = len(found) - LISTED
        shown = found[:LISTED] + ([f"and {more} more like these"] if more > 0 else [])
        raise UserError(
            f"{len(found)} problems; expected what Kaldi's validate_data_dir.sh "
            "accepts; mend the lists and run again:\n" + "\n".join(shown)
        )
    spk2utt = utt2spk_to_spk2utt(tables["utt2spk"])
    for name, table in {"spk2utt": spk2utt, **tables}.items():
        if name != "wav.scp":
            write_scp(out_dir / name, table)
    write_scp(out_dir / "wav.scp", tables["wav.scp"])
