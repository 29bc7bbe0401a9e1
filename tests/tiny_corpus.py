"""A corpus that takes a second to make: data directories as the recipes write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp

FS = 16000


def speech_like(rng: np.random.Generator, samples: int) -> np.ndarray:
    """Noise under a syllable-rate envelope with a pitch: (T,), peak below 1."""
    time = np.arange(samples) / FS
    envelope = np.sin(2 * np.pi * 3 * time) ** 2 + 0.01
    voice = np.sign(np.sin(2 * np.pi * rng.uniform(90, 220) * time))
    wav = envelope * (0.1 * voice + 0.05 * rng.standard_normal(samples))
    return wav.astype(np.float32)


def write_data_dir(
    directory: Path, utterances: int = 4, seconds: float = 2.5, seed: int = 0
) -> Path:
    """Write wav.scp, spk1.scp, noise1.scp, utt2spk, spk2utt, text and audio."""
    rng = np.random.default_rng(seed)
    tables: dict[str, dict[str, str]] = {}
    for number in range(utterances):
        utt = f"spk{number % 2}-utt{number:02d}"
        clean = speech_like(rng, int(seconds * FS) + 100 * number)
        noise = 0.05 * rng.standard_normal(len(clean)).astype(np.float32)
        for name, wav in (("wav", clean + noise), ("spk1", clean), ("noise1", noise)):
            path = directory / "audio" / name / f"{utt}.wav"
            write_audio(path, wav, FS)
            tables.setdefault(f"{name}.scp", {})[utt] = str(path)
        tables.setdefault("utt2spk", {})[utt] = utt.split("-")[0]
        tables.setdefault("text", {})[utt] = "one two three"
    tables["spk2utt"] = utt2spk_to_spk2utt(tables["utt2spk"])
    for name, table in tables.items():
        write_scp(directory / name, table)
    return directory
