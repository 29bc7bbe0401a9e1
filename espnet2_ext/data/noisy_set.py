"""Noisy versions of clean test audio, for any manifests and any noise.

The clean files are not changed. Each is the reference of its mixture, sample by sample,
and manifests hold its path. Only the noise is scaled.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from espnet2_ext.data.clean_audio import check_clean
from espnet2_ext.data.noise_source import INT16, Pools, add_noise, draw_noise
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import ARK_ENTRY, write_audio
from espnet2_ext.fileio.digest import stable_int
from espnet2_ext.fileio.names import OutputFolder, check_ids
from espnet2_ext.fileio.scp import atomic_write, utt2spk_to_spk2utt, write_scp

FORMAT = 1  # raise it when the same options give other bytes
MANIFEST, STARTED = "manifest.json", "started.json"

Say = Callable[[str], None]


@dataclass(frozen=True)
class MixOptions:
    """Options of the mixtures.

    Attributes:
        snrs: SNRs in dB; every utterance gets one of them.
        seed: seed of all random choices.
        fs: Hz; clean audio at another rate is refused, noise is resampled.
    """

    snrs: tuple[float, ...]
    seed: int = 0
    fs: int = 16000


@dataclass(frozen=True)
class MixtureResult:
    """Result of one mixture: SNR in dB, noise, saturated samples, duration in s.

    ``problem`` says why there is no mixture.
    """

    id: str
    snr: float = 0.0
    noise: str = ""
    saturated: int = 0
    seconds: float = 0.0
    problem: str = ""


def make_noisy_set(
    audio: Mapping[str, str],
    pools: Pools,
    out_dir: Path,
    options: MixOptions,
    jobs: int = 1,
    tables: Mapping[str, Mapping[str, str]] | None = None,
    say: Say = print,
) -> None:
    """Write a data directory of noisy speech with its clean references.

    ``wav.scp`` (noisy), ``spk1.scp`` (the clean paths as given), ``noise1.scp``,
    ``utt2spk``, ``spk2utt``, ``utt2snr``, ``utt2noise`` (type and files). A mixture
    depends only on the seed, the id, its audio and the noise, not on the other
    utterances. A complete set with the same inputs is kept. A killed run is resumed.

    Args:
        audio: id -> clean audio file (one channel, 16 bit).
        pools: noise files by type; every type is equally likely, then every file.
        out_dir: the data directory.
        options: SNRs, seed and rate.
        jobs: parallel processes.
        tables: more lists by id, e.g. ``{"utt2spk": ...}`` (else each utterance is
            its own speaker) or ``{"text": ...}``.
        say: told about progress.

    Raises:
        UserError: if clean audio is missing, silent, of another rate or with several
            channels (all such files are named), an id cannot be a file name, noise
            cannot be read, or ``out_dir`` holds files that were not made here.
    """
    check_ids(audio, "clean audio")
    check_clean(audio, options.fs)
    tables = dict(tables or {})
    tables.setdefault("utt2spk", {id_: id_ for id_ in audio})
    _check_tables(audio, tables)
    plan = _digest(audio, pools, options, tables)
    if _read_json(out_dir / MANIFEST).get("plan") == plan:
        say(f"{out_dir}: complete and the same, kept")
        return
    _begin(out_dir, plan)
    made = _mix_all(audio, pools, out_dir, options, jobs)
    problems = [item.problem for item in made if item.problem]
    if problems:
        raise UserError("\n".join([*problems, "Mend or remove these, and run again."]))
    _write_lists(out_dir, audio, made, tables)
    with atomic_write(out_dir / MANIFEST) as stream:
        json.dump({"plan": plan, "options": asdict(options)}, stream, indent=1)
    (out_dir / STARTED).unlink(missing_ok=True)
    shutil.rmtree(out_dir / "audio/made", ignore_errors=True)
    for line in report(out_dir, made):
        say(line)


def _check_tables(
    audio: Mapping[str, str], tables: Mapping[str, Mapping[str, str]]
) -> None:
    for name, table in tables.items():
        lost = [id_ for id_ in audio if id_ not in table]
        if lost:
            raise UserError(
                f"{name}: no line for {len(lost)} of {len(audio)} utterances: "
                f"{' '.join(lost[:10])}; add them."
            )


def _digest(
    audio: Mapping[str, str],
    pools: Pools,
    options: MixOptions,
    tables: Mapping[str, Mapping[str, str]],
) -> str:
    """Hash what decides the result; a file counts with its size and time."""
    content = {
        "format": FORMAT,
        "options": asdict(options),
        "audio": {id_: [path, *_state(path)] for id_, path in audio.items()},
        "noise": {
            kind: [[id_, path, *_state(path)] for id_, path in files]
            for kind, files in pools.items()
        },
        "tables": {
            name: {id_: table[id_] for id_ in audio} for name, table in tables.items()
        },
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _state(path: str) -> tuple[int, int]:
    match = ARK_ENTRY.match(path)
    try:
        state = os.stat(match["path"] if match else path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error}).") from error
    return state.st_size, state.st_mtime_ns


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _begin(out_dir: Path, plan: str) -> None:
    """Make room: keep the audio of a killed run with the same plan, nothing else."""
    ours = any((out_dir / name).is_file() for name in (MANIFEST, STARTED))
    if not ours and out_dir.is_dir() and any(out_dir.iterdir()):
        raise UserError(
            f"{out_dir}: found files that were not made by this command; expected an "
            "empty or a new folder; choose another one, or move them away."
        )
    for name in (MANIFEST, "wav.scp"):  # the signs of completeness first
        (out_dir / name).unlink(missing_ok=True)
    if _read_json(out_dir / STARTED).get("plan") != plan:
        (out_dir / STARTED).unlink(missing_ok=True)
        shutil.rmtree(out_dir / "audio", ignore_errors=True)
    for path in out_dir.glob("*"):
        if path.is_file() and path.name != STARTED:
            path.unlink()
    with atomic_write(out_dir / STARTED) as stream:
        json.dump({"plan": plan}, stream)


def _mix_all(
    audio: Mapping[str, str],
    pools: Pools,
    out_dir: Path,
    options: MixOptions,
    jobs: int,
) -> list[MixtureResult]:
    work = functools.partial(
        mix_item, pools=pools, folder=out_dir / "audio", options=options
    )
    items = sorted(audio.items(), key=lambda item: item[0].encode())
    return list(in_parallel(work, items, jobs, out_dir.name))


def mix_item(
    item: tuple[str, str], pools: Pools, folder: Path, options: MixOptions
) -> MixtureResult:
    """Write mixture and noise of one (id, clean path), unless a killed run did."""
    note = OutputFolder(folder / "made").path(item[0], ".json")
    known = _read_json(note)
    if known:
        return MixtureResult(**known)
    try:
        made = _mix(*item, pools, folder, options)
    except UserError as error:
        return MixtureResult(item[0], problem=str(error))
    with atomic_write(note) as stream:  # last: both files are complete
        json.dump(asdict(made), stream)
    return made


def _mix(
    id_: str, path: str, pools: Pools, folder: Path, options: MixOptions
) -> MixtureResult:
    rng = np.random.default_rng(stable_int(f"{options.seed} {id_}"))
    snr = options.snrs[int(rng.integers(len(options.snrs)))]
    kinds = sorted(pools)
    kind = kinds[int(rng.integers(len(kinds)))]
    clean, _ = soundfile.read(path, dtype="int16")
    noise, names = draw_noise(pools[kind], len(clean), options.fs, rng)
    mix, rest = add_noise(clean, noise, snr, path)
    for name, wav in (("noise", rest), ("mix", mix)):
        target = OutputFolder(folder / name, [path]).path(id_, ".wav")
        write_audio(target, wav, options.fs)
    saturated = int(np.sum((mix == INT16.max) | (mix == INT16.min)))
    described = f"{kind} {','.join(names)}"
    return MixtureResult(id_, snr, described, saturated, len(clean) / options.fs)


def _write_lists(
    out_dir: Path,
    audio: Mapping[str, str],
    made: Sequence[MixtureResult],
    tables: Mapping[str, Mapping[str, str]],
) -> None:
    """Write the lists, wav.scp at the very end: without it a set does not exist."""
    for name, table in tables.items():
        write_scp(out_dir / name, {id_: table[id_] for id_ in audio})
    utt2spk = {id_: tables["utt2spk"][id_] for id_ in audio}
    write_scp(out_dir / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    write_scp(out_dir / "utt2snr", {item.id: f"{item.snr:g}" for item in made})
    write_scp(out_dir / "utt2noise", {item.id: item.noise for item in made})
    write_scp(out_dir / "spk1.scp", audio)
    for name, kind in (("noise1.scp", "noise"), ("wav.scp", "mix")):
        folder = OutputFolder(out_dir / "audio" / kind)
        paths = {id_: str(folder.path(id_, ".wav")) for id_ in audio}
        write_scp(out_dir / name, paths)


def report(out_dir: Path, made: Sequence[MixtureResult]) -> Iterator[str]:
    """Say what a set holds."""
    minutes = sum(item.seconds for item in made) / 60
    snrs = Counter(item.snr for item in made)
    kinds = Counter(item.noise.split()[0] for item in made)
    counts = " ".join(f"{snr:g}:{snrs[snr]}" for snr in sorted(snrs))
    types = " ".join(f"{kind}:{kinds[kind]}" for kind in sorted(kinds))
    yield f"{out_dir}: {len(made)} utterances, {minutes:.1f} min"
    yield f"{out_dir}: SNR in dB {counts}; noise {types}"
    loud = [item for item in made if item.saturated]
    if loud:
        total = sum(item.saturated for item in loud)
        yield (
            f"{out_dir}: {len(loud)} mixtures saturate, in {total} samples; the clean "
            "audio is as loud as it was"
        )
