"""Writing data directories of clean speech, one clip an utterance; made once."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from corpus.build import MANIFEST, clear_set
from corpus.clips import FS, load_clip
from corpus.fetch import deb_name
from corpus.splits import Utterance
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.data.simulate import PEAK
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import atomic_write, utt2spk_to_spk2utt, write_scp

FORMAT = 1  # raise it when the same options give other bytes

Say = Callable[[str], None]
Tables = Mapping[str, Mapping[str, object]]


@contextmanager
def one_set(
    folder: Path, plan: Sequence[object], utterances: Sequence[Utterance], say: Say
) -> Iterator[bool]:
    """Make a set unless it is complete and the same; its manifest is written last.

    Args:
        folder: the data directory, emptied where it has to be made.
        plan: whatever else decides its bytes: package versions, a seed.
        utterances: what is to be in it.
        say: prints a line of progress.

    Yields:
        True if it has to be made.
    """
    words = [FORMAT, *plan, [[u.id, u.text] for u in utterances]]
    digest = hashlib.sha256(json.dumps(words).encode()).hexdigest()
    manifest = folder / MANIFEST
    if manifest.is_file() and digest in manifest.read_text(encoding="utf-8"):
        say(f"{folder.name}: complete and the same, kept")
        yield False
        return
    clear_set(folder)
    yield True
    with atomic_write(manifest) as stream:  # last: it says "complete"
        json.dump({"plan": digest}, stream)
    say(f"{folder.name}: {len(utterances)} utterances")


def versions(trees: Mapping[str, Path]) -> list[str]:
    """Name the packages with their versions."""
    return [deb_name(tree) for _, tree in sorted(trees.items())]


def at_most(utterances: Sequence[Utterance], most: int) -> list[Utterance]:
    """Choose evenly spaced ones, so that every voice stays in."""
    ordered = sorted(utterances, key=lambda u: u.id.encode())
    if not most or most >= len(ordered):
        return ordered
    step = len(ordered) / most
    return [ordered[int(i * step)] for i in range(most)]


def write_clean(folder: Path, utterances: Sequence[Utterance], jobs: int) -> Tables:
    """Write the audio of a set in ``jobs`` processes; gives the table wav.scp."""
    write = functools.partial(_write_clip, folder=folder)
    return {"wav.scp": dict(in_parallel(write, utterances, jobs, folder.name))}


def _write_clip(utterance: Utterance, folder: Path) -> tuple[str, str]:
    """Write the one clip of an utterance; its level is kept unless it would clip."""
    wav = load_clip(utterance.clips[0])
    wav *= min(1.0, PEAK / max(float(np.abs(wav).max()), 1e-9))
    path = folder / "audio" / f"{utterance.id}.wav"
    write_audio(path, wav, FS)
    return utterance.id, str(path)


def write_tables(folder: Path, utterances: Sequence[Utterance], tables: Tables) -> None:
    """Write the given tables and those that follow from the utterances."""
    utt2spk = {u.id: u.speaker for u in utterances}
    tables = {
        **tables,
        "utt2spk": utt2spk,
        "spk2utt": utt2spk_to_spk2utt(utt2spk),
        "text": {u.id: u.text for u in utterances},
        "utt2lang": {u.id: u.lang for u in utterances},
    }
    # wav.scp at the very end: without it a set does not exist
    for name in sorted(tables, key=lambda name: name == "wav.scp"):
        write_scp(folder / name, tables[name])
