"""Data directories for training and testing a Russian recogniser.

train, valid and test are clean; test_noisy holds the test sentences with noise of the
enhancement recipe's test pool (``spk1.scp`` beside it has the clean signals).
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from espnet2_ext.data.debian.build import MANIFEST, clear_set, render_item
from espnet2_ext.data.debian.clips import FS, load_clip
from espnet2_ext.data.debian.fetch import deb_name
from espnet2_ext.data.debian.noise import NoisePool, noise_pools
from espnet2_ext.data.debian.packages import PACKAGES, Package
from espnet2_ext.data.debian.plan import TEST_LEVEL, TEST_SNRS, Item
from espnet2_ext.data.debian.russian import russian_sentences
from espnet2_ext.data.debian.splits import Utterance
from espnet2_ext.data.simulate import PEAK
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import atomic_write, utt2spk_to_spk2utt, write_scp

FORMAT = 1  # raise it when the same options give other bytes
CLEAN = ("train", "valid", "test")
NOISY = "test_noisy"
SETS = (*CLEAN, NOISY)
SOURCES = (
    *("asterisk-core-sounds-ru", "asterisk-core-sounds-ru-g722", "festvox-ru"),
    *("tuxpaint-stamps-default", "klettres-data"),
    *("openttd-opensfx", "lincity-ng-data", "asterisk-moh-opsound-g722"),
)

Say = Callable[[str], None]
Tables = Mapping[str, Mapping[str, object]]


def asr_packages() -> list[Package]:
    """List the packages of Russian speech and of noise."""
    return [package for package in PACKAGES if package.name in SOURCES]


def write_asr_sets(
    trees: Mapping[str, Path],
    data_dir: Path,
    max_utts: Mapping[str, int],
    seed: int = 0,
    jobs: int = 1,
    say: Say = print,
    sets: Sequence[str] = SETS,
) -> None:
    """Write data/{train,valid,test,test_noisy}; what is complete and the same stays.

    Args:
        trees: package name -> unpacked tree.
        data_dir: where the directories go.
        max_utts: at most so many utterances of a set, evenly spaced (0 or absent: all).
        seed: of noise, SNR and its place.
        jobs: parallel processes.
        say: prints a line of progress.
        sets: which of `SETS`.

    Raises:
        UserError: if the packages give no speech or no noise, or a clip is unreadable.
    """
    say("listing Russian sentences and noise (seconds)")
    found = dict(zip(CLEAN, russian_sentences(trees), strict=True))
    found[NOISY] = found["test"]
    versions = [deb_name(tree) for name, tree in sorted(trees.items())]
    for name in sets:
        utterances = _at_most(found[name], max_utts.get(name, 0))
        plan = [FORMAT, versions, seed, [[u.id, u.text] for u in utterances]]
        digest = hashlib.sha256(json.dumps(plan).encode()).hexdigest()
        folder = data_dir / name
        manifest = folder / MANIFEST
        if manifest.is_file() and digest in manifest.read_text(encoding="utf-8"):
            say(f"{name}: complete and the same, kept")
            continue
        clear_set(folder)
        if name == NOISY:
            pool = noise_pools(trees)["test"]
            tables = _write_noisy(folder, utterances, pool, seed, jobs)
        else:
            tables = _write_clean(folder, utterances, jobs)
        _write_tables(folder, utterances, tables)
        with atomic_write(manifest) as stream:  # last: it says "complete"
            json.dump({"plan": digest}, stream)
        say(f"{name}: {len(utterances)} utterances")


def _at_most(utterances: Sequence[Utterance], most: int) -> list[Utterance]:
    """Choose evenly spaced ones, so that every voice stays in."""
    ordered = sorted(utterances, key=lambda u: u.id.encode())
    if not most or most >= len(ordered):
        return ordered
    step = len(ordered) / most
    return [ordered[int(i * step)] for i in range(most)]


def _write_clean(folder: Path, utterances: Sequence[Utterance], jobs: int) -> Tables:
    write = functools.partial(_write_clip, folder=folder)
    return {"wav.scp": dict(_in_parallel(write, utterances, jobs, folder.name))}


def _write_clip(utterance: Utterance, folder: Path) -> tuple[str, str]:
    """Write the one clip of an utterance; its level is kept unless it would clip."""
    wav = load_clip(utterance.clips[0])
    wav *= min(1.0, PEAK / max(float(np.abs(wav).max()), 1e-9))
    path = folder / "audio" / f"{utterance.id}.wav"
    write_audio(path, wav, FS)
    return utterance.id, str(path)


def _write_noisy(
    folder: Path,
    utterances: Sequence[Utterance],
    pool: NoisePool,
    seed: int,
    jobs: int,
) -> Tables:
    """Mix with every noise type and SNR in turn, as the test sets of enhancement."""
    kinds = pool.types()
    if not kinds:
        raise UserError(
            "found no noise in the packages; expected openttd-opensfx, "
            "lincity-ng-data, klettres-data or asterisk-moh-opsound-g722."
        )
    cells = [(kind, snr) for snr in TEST_SNRS for kind in kinds]
    order = np.random.default_rng(seed).permutation(len(utterances))
    items = []
    for place, utterance in zip(order, utterances, strict=True):
        kind, snr = cells[int(place) % len(cells)]
        key = f"{seed} {utterance.id}".encode()
        draw = (int.from_bytes(hashlib.sha256(key).digest()[:8], "big"),)
        items.append(Item(utterance.id, utterance, kind, snr, TEST_LEVEL, False, draw))
    render = functools.partial(render_item, pool=pool, audio=folder / "audio")
    made = dict(_in_parallel(render, items, jobs, folder.name))
    return {
        "wav.scp": {i.id: folder / "audio" / "mix" / f"{i.id}.wav" for i in items},
        "spk1.scp": {i.id: folder / "audio" / "clean" / f"{i.id}.wav" for i in items},
        "utt2snr": {i.id: i.snr for i in items},
        "utt2noise": {i.id: f"{i.noise_type} {made[i.id].noise}" for i in items},
    }


def _in_parallel(
    work: Callable, items: Sequence, jobs: int, name: str
) -> Iterable[tuple]:
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread and forked workers do not go together
    bar = functools.partial(
        tqdm, total=len(items), desc=name, file=sys.stderr, mininterval=2
    )
    if jobs <= 1:
        yield from bar(map(work, items))
        return
    with ProcessPoolExecutor(jobs) as workers:
        yield from bar(workers.map(work, items, chunksize=8))


def _write_tables(
    folder: Path, utterances: Sequence[Utterance], tables: Tables
) -> None:
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
