"""Add copies of a data directory that are played faster or slower.

Mixture and references are resampled by the same factor, so they stay aligned. The ids
of utterances and speakers get ESPnet's prefix ``sp<factor>-``; factor 1.0 keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from espnet2_ext.data.format import part_of, read_streams
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio, resample, write_audio
from espnet2_ext.fileio.lists import OTHER, list_kind
from espnet2_ext.fileio.names import OutputFolder
from espnet2_ext.fileio.scp import (
    copy_list,
    iter_scp,
    read_scp,
    utt2spk_to_spk2utt,
    write_scp,
)

SCALE = 10_000  # rates handed to the resampler: factor * SCALE -> SCALE


def change_speed(wav: np.ndarray, factor: float) -> np.ndarray:
    """Play (T,) or (T, C) samples ``factor`` times faster: (T / factor, ...)."""
    return np.clip(resample(wav, round(factor * SCALE), SCALE), -1.0, 1.0)


def parse_factors(text: str) -> list[float]:
    """Read for example ``"0.9 1.0 1.1"``."""
    try:
        factors = [float(word) for word in text.split()]
    except ValueError:
        factors = []
    if not factors or not all(0.1 <= factor <= 10 for factor in factors):
        raise UserError(f"Found speeds '{text}'; expected for example '0.9 1.0 1.1'.")
    return factors


def prefix_of(factor: float) -> str:
    """Return the prefix of ids, empty for the original speed."""
    return "" if factor == 1.0 else f"sp{factor:g}-"


def perturb_part(
    data_dir: Path,
    out_dir: Path,
    streams: Sequence[str],
    factors: Sequence[float],
    part: tuple[int, int],
) -> None:
    """Write the changed audio of ``part``: (number of the job from 1, of all jobs)."""
    tables = read_streams(data_dir, streams)
    inputs = [source for table in tables.values() for source in table.values()]
    for name, table in tables.items():
        folder = OutputFolder(audio_dir(out_dir, name), inputs)
        for factor in factors:
            if prefix := prefix_of(factor):
                for key, source in part_of(table, *part).items():
                    wav, fs = read_audio(source)
                    target = folder.path(prefix + key, ".wav")
                    write_audio(target, change_speed(wav, factor), fs)
                print(f"{name}: speed {factor:g} done", flush=True)


def audio_dir(out_dir: Path, stream: str) -> Path:
    """Return where the changed audio of a stream lies."""
    return out_dir / "audio" / stream


def merge_list(source: Path, target: Path, kind: str, prefixes: list[str]) -> None:
    """Write a list with a line for each speed; one about neither is copied."""
    if kind == OTHER:
        copy_list(source, target)
        return
    rows = [(key, value) for _, key, value in iter_scp(source)]
    speaker = source.name == "utt2spk"  # its value is an id, too
    table = {
        prefix + key: (prefix + value if speaker else value)
        for prefix in prefixes
        for key, value in rows
    }
    write_scp(target, table)


def merge_speeds(
    data_dir: Path, out_dir: Path, streams: Sequence[str], factors: Sequence[float]
) -> None:
    """Write the tables of the new data directory; ``wav.scp`` comes last."""
    prefixes = [prefix_of(factor) for factor in factors]
    tables = read_streams(data_dir, streams)
    utts = tables["wav"].keys()
    speakers = set(read_scp(data_dir / "utt2spk").values())
    for source in sorted(data_dir.iterdir()):
        own = source.suffix == ".scp" or source.name == "spk2utt"
        if source.is_file() and not own and source.name[0] != ".":
            kind = list_kind(source, utts, speakers)
            merge_list(source, out_dir / source.name, kind, prefixes)
    utt2spk = read_scp(out_dir / "utt2spk")
    write_scp(out_dir / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    for name in reversed(streams):
        folder = OutputFolder(audio_dir(out_dir, name))
        table = {
            prefix + key: str(folder.path(prefix + key, ".wav")) if prefix else source
            for prefix in prefixes
            for key, source in tables[name].items()
        }
        write_scp(out_dir / f"{name}.scp", table)
