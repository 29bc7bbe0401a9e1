from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet2_ext.plan.table import SYSTEM, SystemRow, format_rows
from espnet2_ext.report.systems import System, read_systems

FS = 16000
WORDS = 10
NOISE = {"noisy": 0.1, "a": 0.05, "b": 0.03}


class Corpus:
    """A scored test set with two systems of two seeds, written as the stages do."""

    def __init__(self, root: Path, count: int = 8) -> None:
        self.root = root
        self.utts = [f"u{index}" for index in range(count)]
        self.data = root / "dump" / "test_en"
        self.data.mkdir(parents=True)
        self.errors = {"clean": 0, "noisy": 4, "a": 3, "b": 1}
        for name in ("a", "b"):
            for seed in (0, 1):
                self.config(self.exp(name, seed), None)
        self.compare(*self.rows())
        self.tables()
        self.audio()
        self.scores()

    def exp(self, name: str, seed: int) -> Path:
        return self.root / "exp" / f"{name}_seed{seed}"

    @property
    def table(self) -> Path:
        return self.root / "exp" / "systems.tsv"

    @property
    def systems(self) -> list[System]:
        return read_systems(self.table)

    def rows(self) -> list[SystemRow]:
        return [
            self.row(label, self.exp(name, seed), seed=str(seed))
            for label, name in (("SE-SNR", "a"), ("SE-SNR+SSL", "b"))
            for seed in (0, 1)
        ]

    @staticmethod
    def row(label: str, exp: Path, kind: str = SYSTEM, **more: str) -> SystemRow:
        return SystemRow(label, kind, str(exp), enhanced="enhanced", **more)

    def compare(self, *rows: SystemRow) -> None:
        """Write the table of what is compared."""
        self.table.write_text(format_rows(rows))

    @property
    def arguments(self) -> list[str]:
        return [
            *("--dumpdir", str(self.root / "dump"), "--test_sets", "test_en"),
            *("--systems", str(self.table), "--output_dir", str(self.root / "out")),
        ]

    def config(self, exp: Path, upstream: str | None) -> None:
        exp.mkdir(parents=True, exist_ok=True)
        ssl = f"- {{name: ssl, conf: {{upstream: {upstream}}}}}\n" if upstream else ""
        (exp / "config.yaml").write_text("criterions:\n- {name: snr, conf: {}}\n" + ssl)
        results = ", ".join(
            f"[{part}] iter_time=1.000e-04, loss=-{number}.500, ssl_loss=2.000e-01, "
            "time=1 minute, 2.31 seconds, total_count=10"
            for part, number in (("train", 3), ("valid", 2))
        )
        (exp / "train.log").write_text(f"[host] INFO: 1epoch results: {results}\n")

    def tables(self) -> None:
        for name, value in (
            *(("text", "a | b & <c>"), ("utt2noise", "babble x")),
            ("utt2snr", None),
        ):
            lines = [
                f"{utt} {value or (10 if index % 2 else 5)}\n"
                for index, utt in enumerate(self.utts)
            ]
            (self.data / name).write_text("".join(lines))

    def audio(self) -> None:
        rng = np.random.default_rng(0)
        places = {
            "clean": [(self.data, "spk1.scp")],
            "noisy": [(self.data, "wav.scp")],
            "a": [(self.exp("a", s) / "enhanced_test_en", "spk1.scp") for s in (0, 1)],
            "b": [(self.exp("b", s) / "enhanced_test_en", "spk1.scp") for s in (0, 1)],
        }
        clean = {
            u: 0.1 * np.sin(np.arange(FS) * (0.1 + i / 50))
            for i, u in enumerate(self.utts)
        }
        for name, folders in places.items():
            for folder, scp in folders:
                folder.mkdir(parents=True, exist_ok=True)
                lines = []
                for utt in self.utts:
                    wav = clean[utt] + NOISE.get(name, 0) * rng.standard_normal(FS)
                    path = folder / f"{name}_{utt}.wav"
                    soundfile.write(path, wav, FS)
                    lines.append(f"{utt} {path}\n")
                (folder / scp).write_text("".join(lines))

    def write(self, folder: Path, errors: int, si_snr: float | None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        lines = []
        for index, utt in enumerate(self.utts):
            count = {"sub": errors + index % 2, "del": 0, "ins": 0, "words": WORDS}
            score = {
                "utt": utt,
                "SI_SNR": None if si_snr is None else si_snr + index / 10,
                "SSL_tiny": 0.5,
                "WER_pocketsphinx": {**count, "hyp": "some words"},
                "WER_whisper_tiny_en": {**count, "hyp": "other words"},
            }
            lines.append(json.dumps(score) + "\n")
        (folder / "scores.jsonl").write_text("".join(lines))
        settings = {"ssl": {"tiny": {"upstream": "whisper_tiny_en"}}}
        (folder / "settings.json").write_text(json.dumps(settings))

    def scores(self) -> None:
        self.write(self.data / "scoring_clean", self.errors["clean"], None)
        self.write(self.data / "scoring", self.errors["noisy"], 5)
        for name, level in (("a", 10), ("b", 12)):
            for seed in (0, 1):
                folder = self.exp(name, seed) / "enhanced_test_en" / "scoring"
                self.write(folder, self.errors[name], level + seed)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


@pytest.fixture
def full(corpus: Corpus) -> Corpus:
    """Scores of a denoiser, tasks with two upstreams, and an ESPnet ASR besides."""
    from tests.report.downstream import fill

    return fill(corpus)
