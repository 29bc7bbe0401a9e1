"""Converting audio to one format and sampling rate."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.archives import archive_module
from espnet2_ext.fileio.audio import (
    ARK_ENTRY,
    audio_info,
    read_audio,
    resample,
    write_audio,
)
from espnet2_ext.fileio.names import OutputFolder, check_ids
from espnet2_ext.fileio.scp import read_scp

AUDIO_FORMATS = ("wav", "flac", "wav.ark", "flac.ark")
SF_NAMES = {"wav": ("WAV", "WAVEX"), "flac": ("FLAC",)}


def parse_fs(text: str) -> int:
    """Read a sampling rate in Hz: ``16000`` or ``16k``.

    >>> parse_fs("16k"), parse_fs("44.1k"), parse_fs("8000")
    (16000, 44100, 8000)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(k?)", text.strip().lower())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"Found fs '{text}'; expected for example 16k or 16000.")
    return round(float(match[1]) * (1000 if match[2] else 1))


class AudioSink(Protocol):
    """A function that stores audio and returns its value in the scp."""

    def __call__(self, key: str, wav: np.ndarray, fs: int) -> str:
        """Store (T,) or (T, C) samples."""


@contextmanager
def audio_sink(
    directory: Path, audio_format: str, inputs: Iterable[str] = ()
) -> Iterator[AudioSink]:
    """Open a sink for one of `AUDIO_FORMATS` below ``directory``.

    A file or an archive appears when it is complete. ``inputs`` are never
    overwritten.
    """
    folder = OutputFolder(directory, inputs)
    if audio_format.endswith(".ark"):
        with _ark_sink(folder, audio_format) as sink:
            yield sink
        return

    def write_one(key: str, wav: np.ndarray, fs: int) -> str:
        path = folder.path(key, f".{audio_format}")
        write_audio(path, wav, fs)
        return str(path)

    yield write_one


@contextmanager
def _ark_sink(folder: OutputFolder, audio_format: str) -> Iterator[AudioSink]:
    archives = archive_module()
    folder.folder.mkdir(parents=True, exist_ok=True)
    target = folder.path(f"data_{audio_format.removesuffix('.ark')}", ".ark")
    partial = target.with_name(f".tmp.{os.getpid()}.{target.name}")
    # through soundfile: ESPnet then reads floats in [-1, 1] (plain RIFF: integers)
    how = {"format": audio_format.removesuffix(".ark"), "subtype": "PCM_16"}
    try:
        with open(partial, "wb") as ark:

            def write_one(key: str, wav: np.ndarray, fs: int) -> str:
                offset = ark.tell() + len(f"{key} ".encode())
                archives.save_ark(
                    ark,
                    {key: (wav, fs)},
                    write_function="soundfile",
                    write_kwargs=how,
                )
                return f"{target}:{offset}"

            yield write_one
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def conforms(source: str, fs: int, audio_format: str) -> int | None:
    """Return the number of samples if a file needs no conversion, else None."""
    if audio_format not in SF_NAMES or ARK_ENTRY.match(source):
        return None
    info = audio_info(source)
    same_file = info.format in SF_NAMES[audio_format] and info.subtype == "PCM_16"
    same_name = Path(source).suffix == f".{audio_format}"
    good = same_file and same_name and info.fs == fs and info.known
    return info.samples if good else None


def format_stream(
    table: dict[str, str],
    directory: Path,
    fs: int,
    audio_format: str,
    inputs: Iterable[str] = (),
) -> tuple[dict[str, str], dict[str, int]]:
    """Format the audio of one ``*.scp``.

    Args:
        table: utterance id -> audio (part of an scp).
        directory: folder of the converted audio.
        fs: new sampling rate in Hz.
        audio_format: one of `AUDIO_FORMATS`.
        inputs: further audio that must not be overwritten.

    Returns:
        utterance id -> formatted audio, and -> number of samples.

    Raises:
        UserError: if audio cannot be read, or an id cannot be a file name.
    """
    scp, lengths = {}, {}
    with audio_sink(directory, audio_format, {*table.values(), *inputs}) as sink:
        for key, source in table.items():
            frames = conforms(source, fs, audio_format)
            if frames is not None:
                scp[key], lengths[key] = source, frames
                continue
            wav, fs_in = read_audio(source)
            wav = np.clip(resample(wav, fs_in, fs), -1.0, 1.0)
            scp[key], lengths[key] = sink(key, wav, fs), len(wav)
    return scp, lengths


def part_of(table: dict[str, str], job: int, num_jobs: int) -> dict[str, str]:
    """Return the ``job``-th (from 1) of ``num_jobs`` contiguous parts of a table."""
    keys = list(table)
    start = (job - 1) * len(keys) // num_jobs
    return {key: table[key] for key in keys[start : job * len(keys) // num_jobs]}


def check_stream_lengths(streams: dict[str, dict[str, int]]) -> None:
    """Refuse references with another number of samples than their mixture."""
    reference = streams["wav"]
    bad = [
        f"'{key}': {name} has {lengths[key]} samples, wav has {reference[key]}"
        for name, lengths in streams.items()
        for key in reference
        if lengths[key] != reference[key]
    ]
    if bad:
        shown = "; ".join(bad[:5]) + ("; ..." if len(bad) > 5 else "")
        raise UserError(
            f"{len(bad)} references differ in length from their mixture: {shown}; "
            "expected equal lengths; cut them in local/data.sh."
        )


def read_streams(data_dir: Path, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read ``<name>.scp`` of each stream; all must hold the ids of the first."""
    if (data_dir / "segments").exists():
        raise UserError(
            f"{data_dir}/segments: found segments; expected one audio file per "
            "utterance; cut the audio in local/data.sh."
        )
    tables = {name: read_scp(data_dir / f"{name}.scp") for name in names}
    first = tables[names[0]]
    for name, table in tables.items():
        differing = sorted(first.keys() ^ table.keys())
        if differing:
            raise UserError(
                f"{data_dir}/{name}.scp: {len(differing)} ids differ from "
                f"{names[0]}.scp, for example '{differing[0]}'; give both the same."
            )
        tables[name] = {key: table[key] for key in first}
    check_ids(first, f"{data_dir}/{names[0]}.scp")
    return tables
