"""What mixing on the fly costs, against reading mixtures from disk.

Writes utterances and noise files of its own, then draws batches as a training does,
with 0, 2 and 4 workers. Figures are seconds of speech a second, and the share of what
reading fixed mixtures gives in the same run. A training that takes S seconds for a step
of B seconds of speech waits for its data below B / S.

    python -m tests.benchmarks.bench_on_the_fly [--utts 64] [--seconds 8] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from espnet2.train.dataset import ESPnetDataset
from torch.utils.data import DataLoader

from espnet2_ext.enh.on_the_fly import OnTheFlyPreprocessor
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import write_scp

FS = 16000
WORKERS = (0, 2, 4)
MIXING: dict[str, dict[str, Any]] = {
    "noise": {},
    "noise, speed, filters": {"speed": [0.9, 1.1], "filter_prob": 1.0},
    "three noises, rooms": {
        **{"num_noises": 3, "speed": [0.9, 1.1], "filter_prob": 1.0},
        **{"rir_prob": 1.0, "reference": "early"},
    },
}


def write_files(folder: Path, utts: int, seconds: float) -> dict[str, str]:
    """Write speech-like and noise-like files; gives the lists for mixing."""
    rng = np.random.default_rng(0)

    def write(name: str, samples: int) -> str:
        path = folder / f"{name}.wav"
        write_audio(path, 0.1 * rng.standard_normal(samples).clip(-3, 3), FS)
        return str(path)

    length = int(seconds * FS)
    write_scp(
        folder / "wav.scp", {f"u{n}": write(f"u{n}", length) for n in range(utts)}
    )
    noises = {f"n{n}": write(f"n{n}", 20 * FS) for n in range(20)}
    write_scp(folder / "noises.scp", noises)
    rooms = {}
    for n in range(10):
        decay = np.exp(-np.arange(FS // 2) / FS * 15) * rng.standard_normal(FS // 2)
        decay[0] = 5.0
        write_audio(folder / f"r{n}.wav", decay / np.abs(decay).max(), FS)
        rooms[f"r{n}"] = str(folder / f"r{n}.wav")
    write_scp(folder / "rirs.scp", rooms)
    lists = {"noise_scp": "noises.scp", "rir_scp": "rirs.scp"}
    return {key: str(folder / name) for key, name in lists.items()}


def speed_of(folder: Path, conf: dict[str, Any] | None, workers: int) -> float:
    """Give seconds of speech a second; ``conf``: of the mixing, None: from disk."""
    names = ("speech_mix", "speech_ref1")
    files = [(str(folder / "wav.scp"), name, "sound") for name in names]
    preprocess = None if conf is None else OnTheFlyPreprocessor(True, **conf)
    dataset = ESPnetDataset(files, preprocess=preprocess)
    ids = [line.split()[0] for line in (folder / "wav.scp").read_text().splitlines()]
    loader = DataLoader(
        dataset,
        sampler=ids,
        batch_size=None,
        num_workers=workers,
    )
    samples, began = 0, time.perf_counter()
    for _, data in loader:
        samples += len(data["speech_mix"])
    return samples / FS / (time.perf_counter() - began)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--utts", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lists = write_files(folder, args.utts, args.seconds)
        kinds = {"from disk": None} | {k: {**lists, **v} for k, v in MIXING.items()}
        print(f"{'':24s}" + "".join(f"{n:>10d} workers" for n in WORKERS))
        baseline: dict[int, float] = {}
        for kind, conf in kinds.items():
            row = f"{kind:24s}"
            for workers in WORKERS:
                found = [speed_of(folder, conf, workers) for _ in range(args.rounds)]
                speed = statistics.median(found)
                share = speed / baseline.setdefault(workers, speed)
                row += f"{speed:10.0f} ({share:5.3f})"
            print(row, flush=True)


if __name__ == "__main__":
    main()
