"""Writing the tasks: clean audio once, CSV manifests, noise for the noisy twins."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from corpus.build import draw_babble
from corpus.clips import FS, load_clip
from corpus.downstream.items import Row, Splits
from corpus.downstream.roles import ROLES
from corpus.downstream.tasks import TASKS, find_tasks, table_header
from corpus.fetch import deb_name
from corpus.noise import NoisePool, noise_pools
from corpus.splits import PAUSE_SECONDS, Utterance
from espnet2_ext.data import simulate
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.digest import stable_int
from espnet2_ext.fileio.scp import atomic_write, write_scp

FORMAT = 2  # raise it when the same packages give other bytes
LEVEL = -25.0  # dBFS rms of the clean speech: the level is no cue to the source
MANIFEST = "manifest.json"
STAMP = "made_from.json"  # of audio/: which packages its files came from
BABBLE_FILES, BABBLE_SECONDS = 12, 30

Say = Callable[[str], None]
Found = Mapping[str, Splits]


def write_tasks(
    trees: Mapping[str, Path],
    superb_dir: Path,
    size: str,
    jobs: int,
    say: Say = print,
) -> None:
    """Write ``<superb_dir>/<task>/{train,valid,test}.csv`` and what they point to.

    Also ``utt2spk`` of all utterances, and ``noise/{wav.scp,utt2type}``: the noise of
    which enhancement hears nothing in training. What is complete and the same stays;
    audio that is there is not made again.

    Raises:
        UserError: if the packages do not give all tasks, or a clip cannot be read.
    """
    made_from = {
        "format": FORMAT,
        "packages": {name: deb_name(tree) for name, tree in sorted(trees.items())},
    }
    wanted = {**made_from, "size": size}
    manifest = superb_dir / MANIFEST
    if _read_json(manifest) == wanted:
        say(f"{superb_dir}: complete for size '{size}', nothing to do")
        return
    say("listing recordings and labels")
    found = find_tasks(trees, size)
    manifest.unlink(missing_ok=True)  # until everything is there again
    audio = superb_dir / "audio"
    noise = superb_dir / "noise"
    for folder in (audio, noise):
        _begin(folder, made_from)
    pool = noise_pools(trees)["test"]
    _write_noise(pool, noise, jobs)
    utterances = _unique(found)
    list(in_parallel(partial(render, folder=audio), utterances, jobs, "clean speech"))
    utt2spk = {u.id: u.speaker for u in utterances}
    write_scp(superb_dir / "utt2spk", utt2spk)
    for task in {task.name: task for task in TASKS}.values():
        for role in ROLES:
            rows = found.get(task.name, {}).get(role)
            path = superb_dir / task.name / f"{role}.csv"
            if rows:
                _write_csv(path, table_header(task, role), rows, audio)
            else:
                path.unlink(missing_ok=True)
    # Last of all: it says that everything is complete.
    with atomic_write(manifest) as stream:
        json.dump(wanted, stream, indent=1, sort_keys=True)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _begin(folder: Path, made_from: Mapping[str, object]) -> None:
    """Clear audio of other packages; files of the same ones are kept."""
    if _read_json(folder / STAMP) != made_from:
        (folder / STAMP).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        with atomic_write(folder / STAMP) as stream:
            json.dump(made_from, stream, indent=1, sort_keys=True)


def _unique(found: Found) -> list[Utterance]:
    """Give every utterance once; an id always stands for the same clips."""
    unique: dict[str, Utterance] = {}
    for splits in found.values():
        for rows in splits.values():
            for utterance in (u for row in rows for u in row.speech):
                first = unique.setdefault(utterance.id, utterance)
                same = [c.path for c in first.clips] == [
                    c.path for c in utterance.clips
                ]
                assert same, f"{utterance.id} stands for two recordings"
    return [unique[id_] for id_ in sorted(unique, key=str.encode)]


def audio_path(folder: Path, id_: str) -> Path:
    """Tell where the audio of an utterance is."""
    return folder / f"{id_}.wav"


def render(utterance: Utterance, folder: Path) -> None:
    """Write an utterance as 16-bit wav at `LEVEL`, unless it is there.

    Raises:
        UserError: if a clip cannot be read or is silent.
    """
    path = audio_path(folder, utterance.id)
    if path.is_file():
        return
    rng = np.random.default_rng(stable_int(utterance.id))
    clips = [load_clip(clip) for clip in utterance.clips]
    wav = simulate.join_with_pauses(clips, PAUSE_SECONDS, FS, rng)
    write_audio(path, at_level(wav, utterance.id), FS)


def at_level(wav: np.ndarray, name: str) -> np.ndarray:
    """Scale (T,) to `LEVEL`, or less where a peak would pass `simulate.PEAK`."""
    if simulate.rms(wav) < simulate.SILENT:
        raise UserError(f"{name}: found a silent recording; expected speech or noise.")
    gain = 10 ** (LEVEL / 20) / simulate.rms(wav)
    return wav * min(gain, simulate.PEAK / float(np.abs(wav).max()))


def _write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Row], audio: Path
) -> None:
    with atomic_write(path) as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            ids = [utterance.id for utterance in row.speech]
            paths = [str(audio_path(audio, id_)) for id_ in ids]
            values = [row.values[name] for name in header[2 * len(ids) :]]
            writer.writerow([*ids, *paths, *values])


def _write_noise(pool: NoisePool, folder: Path, jobs: int) -> None:
    """Write the noise files of a pool and pieces of babble, with their types."""
    kinds = {clip: kind for kind, clips in sorted(pool.files.items()) for clip in clips}
    noises = [Utterance(clip.id, (clip,)) for clip in kinds]
    list(in_parallel(partial(render, folder=folder), noises, jobs, "noise"))
    utt2type = {clip.id: kind for clip, kind in kinds.items()}
    utt2type |= dict.fromkeys(_write_babble(pool, folder), "babble")
    paths = {id_: str(audio_path(folder, id_)) for id_ in utt2type}
    write_scp(folder / "utt2type", utt2type)
    write_scp(folder / "wav.scp", paths)


def _write_babble(pool: NoisePool, folder: Path) -> Iterator[str]:
    if "babble" not in pool.types():
        return
    for index in range(BABBLE_FILES):
        name = f"babble-{index:02d}"
        path = audio_path(folder, name)
        if not path.is_file():
            rng = np.random.default_rng(stable_int(name))
            wav, _ = draw_babble(pool, BABBLE_SECONDS * FS, rng)
            write_audio(path, at_level(wav, name), FS)
        yield name
