"""A handful of utterances to look at and listen to."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import soundfile

from espnet2_ext.fileio.audio import read_audio, within_unit_range
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.metrics.quantity import AUDIO, NO_VALUE
from espnet2_ext.report.pictures import data_uri, power_db, spectrogram
from espnet2_ext.report.sources.scores import ScoredSet
from espnet2_ext.report.systems import CLEAN, NOISY, System, enhanced_dir

LONGEST = 8.0  # s; longer utterances are only taken where there are no shorter ones


@dataclass(frozen=True)
class Player:
    """One version of an utterance: picture, sound, and what recognisers heard."""

    name: str
    image: str
    audio: str
    heard: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """One utterance in all versions."""

    title: str
    text: str
    players: tuple[Player, ...]

    @property
    def size(self) -> int:
        """Bytes that the pictures and the audio take in the page."""
        return sum(len(p.image) + len(p.audio) for p in self.players)


def choose(durations: Mapping[str, float], count: int) -> list[str]:
    """Choose utterances evenly spaced by id among those of at most ``LONGEST`` s.

    By position and not by result, so that nobody picks the flattering ones.
    """
    short = [utt for utt in durations if durations[utt] <= LONGEST] or list(durations)
    short.sort(key=lambda utt: utt.encode())
    count = min(count, len(short))
    places = (np.arange(count) + 0.5) * len(short) / max(count, 1)
    return [short[int(place)] for place in places]


def _hypotheses(scored: ScoredSet, row: str, utt: str) -> tuple[str, ...]:
    heard = []
    score = scored.first_run(row).get(utt, {})
    for column in scored.columns:
        entry = score.get(column.quantity.key)
        if isinstance(entry, dict) and utt not in {loss.utt for loss in column.losses}:
            label = column.quantity.label.removeprefix("WER ")
            errors = entry["sub"] + entry["del"] + entry["ins"]
            said = entry["hyp"] or "(nothing)"
            heard.append(f"{label}: {said} [{errors} errors, {entry['words']} words]")
    return tuple(heard)


def _flac(wav: np.ndarray, fs: int) -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, within_unit_range(wav), fs, "PCM_16", format="FLAC")
    return stream.getvalue()


def _make_example(
    utt: str,
    tables: Mapping[str, Mapping[str, str]],
    scored: ScoredSet,
    facts: Mapping[str, Mapping[str, str]],
) -> Example:
    clean, fs = read_audio(tables[CLEAN][utt])
    top_db = float(power_db(clean, fs)[1].max())
    players = []
    for name, table in tables.items():
        wav, fs = read_audio(table[utt])
        players.append(
            Player(
                name,
                data_uri("image/png", spectrogram(wav, fs, top_db)),
                data_uri("audio/flac", _flac(wav, fs)),
                _hypotheses(scored, name, utt),
            )
        )
    snr = facts["utt2snr"].get(utt)
    known = [f"{snr} dB" if snr else None, facts["utt2noise"].get(utt)]
    title = ", ".join([utt, *(fact for fact in known if fact)])
    return Example(title, facts["text"].get(utt, ""), tuple(players))


def _in_order(scored: ScoredSet) -> list[str]:
    """List the utterances whose audio can be read and judged in all versions."""
    bad = {
        utt
        for run in scored.runs
        for utt, score in run.scores.items()
        if AUDIO in (score.get(NO_VALUE) or {})
    }
    return [utt for utt in scored.utts if utt not in bad]


def make_examples(
    scored: ScoredSet,
    systems: Sequence[System],
    count: int,
    max_bytes: int,
) -> list[Example]:
    """Make up to ``count`` examples that together take at most ``max_bytes``.

    The versions are noisy, the first seed of every system, and clean.
    """
    data = scored.data
    tables = {NOISY: read_scp(data / "wav.scp")}
    for system in systems:
        enhanced = enhanced_dir(system.rows[0], scored.name)
        tables[system.name] = read_scp(enhanced / "spk1.scp")
    tables[CLEAN] = read_scp(data / "spk1.scp")
    facts = {
        name: read_scp(data / name) if (data / name).is_file() else {}
        for name in ("text", "utt2snr", "utt2noise")
    }
    durations = {}
    for utt in _in_order(scored):
        wav, fs = read_audio(tables[CLEAN][utt])
        durations[utt] = len(wav) / fs
    examples: list[Example] = []
    for utt in choose(durations, count):
        example = _make_example(utt, tables, scored, facts)
        if sum(e.size for e in examples) + example.size > max_bytes:
            break
        examples.append(example)
    return examples
