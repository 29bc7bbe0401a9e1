"""A data directory whose audio has one format and rate, made by parallel jobs."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.data.format import check_stream_lengths, format_stream, part_of
from espnet2_ext.fileio.scp import atomic_write, copy_list, read_scp, write_scp

# audio lists are made here; kaldi's per-recording files have no meaning afterwards
NOT_COPIED = {"segments", "reco2file_and_channel", "reco2dur", "utt2num_samples"}


def format_part(
    tables: Mapping[str, dict[str, str]],
    out_dir: Path,
    fs: int,
    audio_format: str,
    part: tuple[int, int],
) -> None:
    """Format one job's part of every stream.

    Args:
        tables: stream ("wav" first) -> id -> audio.
        out_dir: the data directory to make.
        fs: sampling rate in Hz.
        audio_format: one of `espnet2_ext.data.format.AUDIO_FORMATS`.
        part: number of the job, from 1, and number of jobs.

    Raises:
        UserError: if audio cannot be read, or the streams differ in length.
    """
    job, num_jobs = part
    part_dir = out_dir / "logs" / f"format.{job}"
    lengths: dict[str, dict[str, int]] = {}
    inputs = {source for table in tables.values() for source in table.values()}
    for name, table in tables.items():
        chosen = part_of(table, job, num_jobs)
        audio_dir = out_dir / "data" / name / f"format.{job}"
        for leftover in audio_dir.glob(".tmp.*"):  # of a killed run
            leftover.unlink()
        print(f"{name}: {len(chosen)} utterances", flush=True)
        scp, lengths[name] = format_stream(chosen, audio_dir, fs, audio_format, inputs)
        write_scp(part_dir / f"{name}.scp", scp)
    check_stream_lengths(lengths)
    write_scp(part_dir / "utt2num_samples", lengths["wav"])


def merge_parts(
    data_dir: Path, out_dir: Path, streams: Sequence[str], num_jobs: int
) -> None:
    """Join the parts of all jobs; ``wav.scp`` comes last."""
    parts = [out_dir / "logs" / f"format.{n + 1}" for n in range(num_jobs)]
    made = ["utt2num_samples", *(f"{name}.scp" for name in reversed(streams))]
    for source in sorted(data_dir.iterdir()):
        known = source.suffix == ".scp" or source.name in NOT_COPIED
        if source.is_file() and not known and not source.name.startswith("."):
            copy_list(source, out_dir / source.name)
    with atomic_write(out_dir / "feats_type") as stream:
        stream.write("raw\n")
    for name in made:
        merged: dict[str, str] = {}
        for part in parts:
            merged.update(read_scp(part / name))
        write_scp(out_dir / name, merged)
    for part in parts:
        shutil.rmtree(part)
