"""Data directories in miniature; the audio is synthetic."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

FS = 16000


def tone(seconds, seed, fs=FS, level=0.2):
    """Noise with a syllable-like envelope: no two seeds give the same bytes."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * fs)) / fs
    envelope = 0.2 + np.abs(np.sin(2 * np.pi * 3 * time))
    wav = level * envelope * rng.standard_normal(len(time)) / 3
    return np.clip(wav, -0.9, 0.9).astype(np.float32)


def write_wav(path, wav, fs=FS, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wav, fs, **kwargs)


@pytest.fixture
def data_dir(tmp_path):
    """A correct data directory of three utterances; returns its path."""
    folder = tmp_path / "set"
    lists = {name: "" for name in ("wav.scp", "spk1.scp", "noise1.scp", "utt2spk")}
    for index, utt in enumerate(("a-1", "a-2", "b-1")):
        noise, clean = tone(0.5, index, level=0.1), tone(0.5, 50 + index, level=0.1)
        for name, wav in (("wav", noise + clean), ("spk1", clean), ("noise1", noise)):
            path = folder / "audio" / name / f"{utt}.wav"
            write_wav(path, wav)
            lists[f"{name}.scp"] += f"{utt} {path}\n"
        lists["utt2spk"] += f"{utt} {utt[0]}\n"
    lists["spk2utt"] = "a a-1 a-2\nb b-1\n"
    lists["text"] = "a-1 one word\na-2 две\nb-1 3\n"
    lists["utt2snr"] = "a-1 5\na-2 0\nb-1 -5\n"
    for name, content in lists.items():
        (folder / name).write_text(content)
    return Path(folder)
