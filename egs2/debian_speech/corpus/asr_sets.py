"""Data directories for training and testing a Russian recogniser.

train, valid and test are clean; test_noisy holds the test sentences with noise of the
enhancement recipe's test pool (``spk1.scp`` beside it has the clean signals).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from corpus.build import render_item
from corpus.clean_sets import (
    Say,
    Tables,
    at_most,
    one_set,
    versions,
    write_clean,
    write_tables,
)
from corpus.noise import NoisePool, noise_pools
from corpus.packages import PACKAGES, Package
from corpus.plan import TEST_LEVEL, TEST_SNRS, Item
from corpus.russian import russian_sentences
from corpus.splits import Utterance
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.digest import stable_int

CLEAN = ("train", "valid", "test")
NOISY = "test_noisy"
SETS = (*CLEAN, NOISY)
SOURCES = (
    *("asterisk-core-sounds-ru", "asterisk-core-sounds-ru-g722", "festvox-ru"),
    *("tuxpaint-stamps-default", "klettres-data"),
    *("openttd-opensfx", "lincity-ng-data", "asterisk-moh-opsound-g722"),
)


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
    for name in sets:
        utterances = at_most(found[name], max_utts.get(name, 0))
        folder = data_dir / name
        with one_set(folder, [versions(trees), seed], utterances, say) as missing:
            if not missing:
                continue
            if name == NOISY:
                pool = noise_pools(trees)["test"]
                tables = _write_noisy(folder, utterances, pool, seed, jobs)
            else:
                tables = write_clean(folder, utterances, jobs)
            write_tables(folder, utterances, tables)


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
        draw = (stable_int(f"{seed} {utterance.id}"),)
        items.append(Item(utterance.id, utterance, kind, snr, TEST_LEVEL, False, draw))
    render = functools.partial(render_item, pool=pool, audio=folder / "audio")
    made = dict(in_parallel(render, items, jobs, folder.name))
    return {
        "wav.scp": {i.id: folder / "audio" / "mix" / f"{i.id}.wav" for i in items},
        "spk1.scp": {i.id: folder / "audio" / "clean" / f"{i.id}.wav" for i in items},
        "utt2snr": {i.id: i.snr for i in items},
        "utt2noise": {i.id: f"{i.noise_type} {made[i.id].noise}" for i in items},
    }
