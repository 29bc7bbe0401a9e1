"""The list of everything that will be mixed, before any audio is touched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.clips import Clip
from corpus.noise import NoisePool, noise_pools
from corpus.outside import outside_noise
from corpus.splits import SETS, Utterance, collect_sets
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.digest import stable_int

FORMAT = 1  # raise it when the same options give other bytes
TRAIN_SNRS = (-5, 0, 5, 10, 15)  # dB
TEST_SNRS = (0, 5, 10)
TRAIN_LEVELS = (-30.0, -18.0)  # dBFS rms of the speech
TEST_LEVEL = -25.0


@dataclass(frozen=True)
class Options:
    """What decides the bytes of the corpus.

    Attributes:
        corpus_size: one of `packages.SIZES`.
        max_train_utts: at most so many training utterances before copies (0: all).
        max_test_utts: at most so many in valid and in each test set (0: all).
        train_copies: mixtures made of each training utterance.
        rir_prob: share of utterances put in a simulated room, in every set.
        seed: of all random choices.
    """

    corpus_size: str = "small"
    max_train_utts: int = 0
    max_test_utts: int = 0
    train_copies: int = 1
    rir_prob: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("max_train_utts", "max_test_utts", "seed"):
            if getattr(self, name) < 0:
                raise UserError(
                    f"found --{name} {getattr(self, name)}; expected 0 or more."
                )
        if self.train_copies < 1:
            raise UserError(
                f"found --train_copies {self.train_copies}; expected 1 or more."
            )
        if not 0 <= self.rir_prob <= 1:
            raise UserError(
                f"found --rir_prob {self.rir_prob}; expected a probability, 0 to 1."
            )


@dataclass(frozen=True)
class Item:
    """One mixture to make.

    Attributes:
        id: utterance id.
        speech: the clean utterance.
        noise_type: ambient, music or babble.
        snr: dB.
        level: rms of the speech in dBFS.
        room: whether it is put in a simulated room.
        seed: of the choices made while rendering.
    """

    id: str
    speech: Utterance
    noise_type: str
    snr: int
    level: float
    room: bool
    seed: tuple[int, ...]


@dataclass(frozen=True)
class SetPlan:
    """All mixtures of one set and the noise they draw from."""

    name: str
    items: tuple[Item, ...]
    pool: NoisePool

    def digest(self, sources: Mapping[str, str]) -> str:
        """Hash everything that decides the bytes: items, noise, package versions.

        Paths do not count, so a moved download folder does not rebuild.
        """
        items = [
            {**vars(item), "speech": [item.speech.text, *_ids(item.speech.clips)]}
            for item in self.items
        ]
        noise = [
            {name: _ids(clips) for name, clips in group.items()}
            for group in (self.pool.files, self.pool.voices)
        ]
        text = json.dumps([FORMAT, items, noise, dict(sources)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _ids(clips: Iterable[Clip]) -> list[str]:
    return [clip.id for clip in clips]


def make_plans(trees: Mapping[str, Path], options: Options) -> dict[str, SetPlan]:
    """Plan every set of the corpus.

    Raises:
        UserError: if the packages at hand do not give all sets, or no noise.
    """
    sets = collect_sets(trees, options.corpus_size)
    pools = {**noise_pools(trees), "test_out": outside_noise(trees)}
    plans = {}
    for name in SETS:
        pool = pools[name if name in pools else "test"]
        if not pool.types():
            raise UserError(
                f"found no noise for {name}; expected it in asterisk-moh-opsound-g722, "
                "openttd-opensfx or lincity-ng-data, for test_out in bucklespring-data "
                "or sonic-pi-samples (see the warnings above)."
            )
        items = _items(name, sets[name], pool.types(), options)
        plans[name] = SetPlan(name, tuple(items), pool)
    return plans


def _items(
    name: str, utterances: Sequence[Utterance], types: Sequence[str], options: Options
) -> list[Item]:
    train = name == "train"
    most = options.max_train_utts if train else options.max_test_utts
    # Its clips are few, so each meets every noise type.
    copies = {"train": options.train_copies, "test_out": len(types)}.get(name, 1)
    # By hash, so that a part is spread over speakers, and a smaller part is a part of
    # a larger one.
    chosen = sorted(utterances, key=lambda u: stable_int(u.id))[: most or None]
    items = []
    for copy in range(copies):
        for index, utterance in enumerate(chosen):
            id_ = utterance.id if copies == 1 else f"{utterance.id}-c{copy}"
            seed = (options.seed, stable_int(id_))
            rng = np.random.default_rng([*seed, 0])
            room = bool(rng.random() < options.rir_prob)
            if train:
                kind = types[int(rng.integers(len(types)))]
                snr = TRAIN_SNRS[int(rng.integers(len(TRAIN_SNRS)))]
                level = float(rng.uniform(*TRAIN_LEVELS))
            else:  # every noise type meets every SNR equally often
                snrs = TRAIN_SNRS if name == "valid" else TEST_SNRS
                kind = types[(index + copy) % len(types)]
                snr = snrs[(index // len(types) + copy) % len(snrs)]
                level = TEST_LEVEL
            items.append(Item(id_, utterance, kind, snr, level, room, (*seed, 1)))
    return sorted(items, key=lambda item: item.id.encode())
