"""Rendering planned mixtures into data directories, in parallel and restartably."""

from __future__ import annotations

import functools
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from corpus.clips import FS, Clip, load_clip
from corpus.fetch import deb_name
from corpus.noise import NoisePool
from corpus.plan import FORMAT, Item, Options, SetPlan, make_plans
from corpus.splits import PAUSE_SECONDS, SETS
from espnet2_ext.data import simulate
from espnet2_ext.data.parallel import in_parallel
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import atomic_write, utt2spk_to_spk2utt, write_scp

FADE = FS // 50  # samples of cross-fade between noise files: 20 ms
BABBLE_VOICES = (4, 6)
SIGNALS = {"wav.scp": "mix", "spk1.scp": "clean", "noise1.scp": "noise"}
MANIFEST = "manifest.json"

Say = Callable[[str], None]


def build_corpus(
    trees: Mapping[str, Path],
    data_dir: Path,
    options: Options,
    jobs: int,
    say: Say = print,
) -> None:
    """Write every set under ``data_dir``; what is complete and the same stays.

    Raises:
        UserError: if the packages do not give all sets, or a clip cannot be read.
    """
    sources = {name: deb_name(tree) for name, tree in sorted(trees.items())}
    wanted = {"format": FORMAT, "options": asdict(options), "packages": sources}
    if all(_built_for(data_dir / name, wanted) for name in SETS):
        say(f"{data_dir}: complete for these options, nothing to do")
        return
    say("listing speech and noise (seconds; half a minute for the large sizes)")
    for name, plan in make_plans(trees, options).items():
        digest = plan.digest(sources)
        if _manifest(data_dir / name).get("plan") != digest:
            _build_set(data_dir / name, plan, jobs, say)
        else:
            say(f"{name}: complete and the same, kept")
        # Last of all: it says that the set is complete.
        with atomic_write(data_dir / name / MANIFEST) as stream:
            json.dump({**wanted, "plan": digest}, stream, indent=1, sort_keys=True)


def _manifest(folder: Path) -> dict:
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _built_for(folder: Path, wanted: Mapping[str, object]) -> bool:
    found = _manifest(folder)
    return all(found.get(key) == value for key, value in wanted.items())


def _build_set(folder: Path, plan: SetPlan, jobs: int, say: Say) -> None:
    started = time.monotonic()
    clear_set(folder)
    audio = folder / "audio"
    results = dict(_render_all(plan, audio, jobs))
    tables: dict[str, dict[str, object]] = {
        name: {item.id: f"{audio}/{kind}/{item.id}.wav" for item in plan.items}
        for name, kind in SIGNALS.items()
    }
    speech = {item.id: item.speech for item in plan.items}
    utt2spk = {utt: utterance.speaker for utt, utterance in speech.items()}
    tables["utt2spk"] = dict(utt2spk)
    tables["spk2utt"] = dict(utt2spk_to_spk2utt(utt2spk))
    tables["text"] = {utt: utterance.text for utt, utterance in speech.items()}
    tables["utt2lang"] = {utt: utterance.lang for utt, utterance in speech.items()}
    tables["utt2clips"] = {
        utt: " ".join(clip.id for clip in utterance.clips)
        for utt, utterance in speech.items()
    }
    tables["utt2snr"] = {item.id: item.snr for item in plan.items}
    tables["utt2noise"] = {
        item.id: f"{item.noise_type} {results[item.id].noise}" for item in plan.items
    }
    if any(item.room for item in plan.items):
        tables["utt2rt60"] = {utt: got.rt60 for utt, got in results.items()}
    # The lists come last, wav.scp at the very end: without it a set does not exist.
    for name in sorted(tables, key=lambda name: name == "wav.scp"):
        write_scp(folder / name, tables[name])
    hours = sum(got.seconds for got in results.values()) / 3600
    snrs = Counter(item.snr for item in plan.items)
    kinds = Counter(item.noise_type for item in plan.items)
    say(
        f"{plan.name}: {len(plan.items)} utterances, {hours:.2f} h, "
        f"{len(set(utt2spk.values()))} speakers, noise {_counts(kinds)}, "
        f"SNR {_counts(snrs)} (in {time.monotonic() - started:.0f} s)"
    )


def clear_set(folder: Path) -> None:
    """Remove what an earlier or killed run left, the sign of completeness first."""
    for name in (MANIFEST, "wav.scp"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "audio", ignore_errors=True)
    for path in folder.glob("*"):
        if path.is_file():
            path.unlink()


def _counts(counter: Counter) -> str:
    return " ".join(f"{key}:{counter[key]}" for key in sorted(counter))


@dataclass(frozen=True)
class Rendered:
    """What rendering decided: noise files, reverberation and total time in s."""

    noise: str
    rt60: float
    seconds: float


def _render_all(
    plan: SetPlan, audio: Path, jobs: int
) -> Iterable[tuple[str, Rendered]]:
    if any(item.room for item in plan.items):
        simulate.load_pyroomacoustics()  # once, not in every worker
    work = functools.partial(render_item, pool=plan.pool, audio=audio)
    return in_parallel(work, plan.items, jobs, plan.name)


def render_item(item: Item, pool: NoisePool, audio: Path) -> tuple[str, Rendered]:
    """Write mixture, clean and noise of one item as 16-bit wav files."""
    rng = np.random.default_rng(item.seed)
    clips = [load_clip(clip) for clip in item.speech.clips]
    speech = simulate.join_with_pauses(clips, PAUSE_SECONDS, FS, rng)
    late, rt60 = None, 0.0
    if item.room:
        room = simulate.random_room(FS, rng)
        speech, late = room.reverberate(speech)
        rt60 = room.rt60
    if item.noise_type == "babble":
        noise, names = draw_babble(pool, len(speech), rng)
    else:
        noise, names = draw_noise(pool.files[item.noise_type], len(speech), rng)
    made = simulate.mix_at_snr(speech, noise, item.snr, item.level, late)
    signals = {"mix": made.mix, "clean": made.reference, "noise": made.noise}
    for kind, wav in signals.items():
        write_audio(audio / kind / f"{item.id}.wav", wav, FS)
    return item.id, Rendered(",".join(names), round(rt60, 2), len(speech) / FS)


def draw_noise(
    files: list[Clip], length: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """Give (length,) noise from random files of a pool, and the files used."""
    names: dict[str, None] = {}

    def draw() -> np.ndarray:
        clip = files[int(rng.integers(len(files)))]
        names[clip.id] = None
        return simulate.excerpt(cached_clip(clip), length, rng)

    return simulate.fill(length, draw, FADE), list(names)


def draw_babble(
    pool: NoisePool, length: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[str]]:
    """Give (length,) babble of several random voices, and the voices."""
    speakers = sorted(pool.voices)
    wanted = int(rng.integers(BABBLE_VOICES[0], BABBLE_VOICES[1] + 1))
    picked = rng.permutation(len(speakers))[:wanted]
    names = sorted(speakers[index] for index in picked)

    def voice(name: str) -> Callable[[], np.ndarray]:
        clips = pool.voices[name]
        return lambda: cached_clip(clips[int(rng.integers(len(clips)))])

    return simulate.babble(length, [voice(name) for name in names], FADE), names


@functools.lru_cache(maxsize=2048)
def cached_clip(clip: Clip) -> np.ndarray:
    """Read a noise clip once in each process: pools are small and used often."""
    return load_clip(clip)
