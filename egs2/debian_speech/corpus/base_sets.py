"""Data of a base system: clean speech to mix on the fly, noise and rooms for it.

Speech whose licences let weights be passed on (see `ssl_sets`), noise that is computed,
simulated rooms. Nothing of it is in any test set.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from corpus.build import FADE
from corpus.clean_sets import Say, at_most, one_set, versions, write_clean, write_tables
from corpus.clips import FS, load_clip
from corpus.splits import Utterance
from corpus.ssl_sets import ssl_utterances
from corpus.synthetic import KINDS
from espnet2_ext.data import simulate
from espnet2_ext.data.mixing import Mixer, MixingOptions
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.data.speed import change_speed
from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import write_scp

NOISE_SECONDS = 20
BABBLE, BABBLE_VOICES, BABBLE_SPEED = "babble", (3, 6), (0.75, 1.3)
FILES = {"train": 40, "valid": 5}  # noise files of a kind
ROOMS = {"train": 400, "valid": 40}
VALID = {  # how valid is mixed, once
    "num_noises": (1, 2),
    "snr": (-5.0, 20.0),
    "speed": (0.9, 1.1),
    "filter_prob": 0.5,
    "rir_prob": 0.3,
    "reference": "early",
}
SEED = 0


def write_base_sets(
    trees: Mapping[str, Path],
    data_dir: Path,
    max_utts: Mapping[str, int],
    jobs: int = 1,
    say: Say = print,
) -> None:
    """Write data/{train,valid} and data/noise_{train,valid}; what is complete stays.

    In train, mixture and reference are the same clean speech; valid is mixed here.
    ``noise_*`` have ``noises.scp``, ``utt2type`` and ``rirs.scp``.

    Args:
        trees: package name -> unpacked tree.
        data_dir: where the directories go.
        max_utts: at most so many utterances of a set, evenly spaced (0 or absent: all).
        jobs: parallel processes.
        say: prints a line of progress.

    Raises:
        UserError: if the packages give no speech, or a clip is unreadable.
    """
    for name, found in ssl_utterances(trees).items():
        utterances = at_most(found, max_utts.get(name, 0))
        plan = [versions(trees), FILES, ROOMS, VALID, sorted(KINDS)]
        noise_dir = data_dir / f"noise_{name}"
        with one_set(noise_dir, plan, utterances, say) as missing:
            if missing:
                _write_noise(noise_dir, name, utterances, jobs)
        folder = data_dir / name
        with one_set(folder, plan, utterances, say) as missing:
            if missing:
                tables = {**write_clean(folder, utterances, jobs)}
                tables["spk1.scp"] = tables["wav.scp"]
                if name == "valid":
                    tables |= _mix(folder, tables["spk1.scp"], noise_dir, jobs)
                write_tables(folder, utterances, tables)


def _rng(*words: object) -> np.random.Generator:
    return np.random.default_rng([SEED, zlib.crc32(" ".join(map(str, words)).encode())])


def _write_noise(
    folder: Path, name: str, utterances: Sequence[Utterance], jobs: int
) -> None:
    """Write the noise files and room responses of a set, and their lists."""
    kinds = [*sorted(KINDS), BABBLE]
    todo = [(kind, f"{kind}-{n:03d}") for n in range(FILES[name]) for kind in kinds]
    one = functools.partial(_noise_file, folder=folder, part=name, speech=utterances)
    files = dict(in_parallel(one, todo, jobs, folder.name))
    rooms = functools.partial(_room_file, folder=folder, part=name)
    names = [f"room-{n:03d}" for n in range(ROOMS[name])]
    write_scp(folder / "rirs.scp", dict(in_parallel(rooms, names, jobs, "rooms")))
    write_scp(folder / "utt2type", {id_: kind for kind, id_ in todo})
    write_scp(folder / "noises.scp", files)


def _noise_file(
    item: tuple[str, str], folder: Path, part: str, speech: Sequence[Utterance]
) -> tuple[str, str]:
    kind, name = item
    rng = _rng(part, name)
    length = NOISE_SECONDS * FS
    wav = _babble(length, speech, rng) if kind == BABBLE else KINDS[kind](length, rng)
    path = folder / "audio" / f"{name}.wav"
    write_audio(path, 0.5 * wav / np.abs(wav).max(), FS)
    return name, str(path)


def _babble(
    length: int, speech: Sequence[Utterance], rng: np.random.Generator
) -> np.ndarray:
    """Several voices at once, each at a speed of its own."""

    def voice() -> Callable[[], np.ndarray]:
        speed = round(rng.uniform(*BABBLE_SPEED), 2)

        def draw() -> np.ndarray:
            clip = speech[int(rng.integers(len(speech)))].clips[0]
            return change_speed(load_clip(clip), speed)

        return draw

    low, high = BABBLE_VOICES
    count = int(rng.integers(low, high + 1))
    return simulate.babble(length, [voice() for _ in range(count)], FADE)


def _room_file(name: str, folder: Path, part: str) -> tuple[str, str]:
    room = simulate.random_room(FS, _rng(part, name))
    response = room.late.copy()
    response[: len(room.early)] += room.early
    path = folder / "rooms" / f"{name}.wav"
    write_audio(path, 0.9 * response / np.abs(response).max(), FS)
    return name, str(path)


def _mix(
    folder: Path, clean: Mapping[str, object], noise_dir: Path, jobs: int
) -> dict[str, dict[str, str]]:
    """Mix a set once; gives its lists."""
    options = MixingOptions(
        noise_scp=str(noise_dir / "noises.scp"),
        utt2type=str(noise_dir / "utt2type"),
        rir_scp=str(noise_dir / "rirs.scp"),
        fs=FS,
        **VALID,  # type: ignore[arg-type]
    )
    mix = functools.partial(_mix_one, folder=folder, mixer=Mixer(options))
    made = list(in_parallel(mix, list(clean.items()), jobs, "mixing"))
    kinds = ("wav.scp", "spk1.scp")
    return {
        kind: {id_: paths[n] for id_, paths in made} for n, kind in enumerate(kinds)
    }


def _mix_one(
    item: tuple[str, str], folder: Path, mixer: Mixer
) -> tuple[str, tuple[str, str]]:
    id_, path = item
    made = mixer.mix(read_audio(path)[0], _rng("mix", id_))
    paths = []
    for kind, wav in (("mix", made.mix), ("clean", made.reference)):
        out = folder / "audio" / kind / f"{id_}.wav"
        write_audio(out, wav, FS)
        paths.append(str(out))
    return id_, (paths[0], paths[1])
