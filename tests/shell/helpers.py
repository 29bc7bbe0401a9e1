"""What the tests of the shell scripts share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "egs2" / "TEMPLATE" / "enh_ssl1"
UTILS = TEMPLATE / "utils"
RATE = 16000


def run(
    command: list[str | Path], cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with this test's Python as the recipes' interpreter."""
    env = {**os.environ, "PYTHON": sys.executable, "HOME": str(cwd), **environment}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env,
        text=True,
        capture_output=True,
        timeout=120,
        check=False,
    )


def make_data_dir(
    directory: Path, name: str, num_utts: int, fs: int = RATE
) -> dict[str, np.ndarray]:
    """Write ``data/<name>`` with noise-like audio; return the mixtures by id."""
    rng = np.random.default_rng(len(name))
    data = directory / "data" / name
    data.mkdir(parents=True)
    tables: dict[str, list[str]] = {}
    mixtures = {}
    for number in range(num_utts):
        utt = f"{name}{number:02d}"
        length = fs // 4 + 100 * number
        speech = 0.2 * rng.standard_normal(length).clip(-2, 2)
        noise = 0.05 * rng.standard_normal(length).clip(-2, 2)
        mixtures[utt] = speech + noise
        audio = {"wav": speech + noise, "spk1": speech, "noise1": noise}
        for stream, wav in audio.items():
            path = directory / "audio" / f"{utt}_{stream}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, wav, fs, subtype="PCM_16")
            tables.setdefault(f"{stream}.scp", []).append(f"{utt} {path}")
        values = {"utt2spk": utt, "spk2utt": utt, "text": "one two", "utt2snr": "5"}
        for table, value in values.items():
            tables.setdefault(table, []).append(f"{utt} {value}")
    for table, lines in tables.items():
        (data / table).write_text("\n".join(lines) + "\n")
    return mixtures
