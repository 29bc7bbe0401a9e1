"""Manifests of all ten tasks in miniature, with sounds that can be told apart.

A letter is a fifth of a second of harmonics under two formants, a voice is a pitch:
words, voices and what follows from them are really in the audio.
"""

from __future__ import annotations

import copy
import csv
import shutil
from pathlib import Path

import numpy as np

from espnet2_ext.fileio.audio import read_audio, write_audio
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp
from espnet2_ext.superb.tasks import TASKS

FS = 16000
FORMANTS = {"a": (750, 1200), "i": (280, 2300), "u": (320, 800), "s": (2500, 5500)}
WORDS = ("asa", "isu", "usi", "sai")
PITCH = {"anna": 210, "bert": 95, "cora": 260, "dirk": 130}
SPLITS = ("train", "valid", "test")


def letter(name: str, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """A fifth of a second; "s" is noise, the others are voiced."""
    time = np.arange(FS // 5) / FS
    low, high = FORMANTS[name]
    if name == "s":
        wav = rng.standard_normal(len(time)) * np.sin(2 * np.pi * high * time)
    else:
        harmonics = np.arange(pitch, 4000, pitch)
        gains = np.exp(-(((harmonics - low) / 150) ** 2))
        gains += 0.6 * np.exp(-(((harmonics - high) / 200) ** 2)) + 0.02
        wav = (gains[:, None] * np.sin(2 * np.pi * harmonics[:, None] * time)).sum(0)
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.01)
    return 0.1 * fade * wav / np.abs(wav).max()


def say(words: str, voice: str, rng: np.random.Generator) -> np.ndarray:
    """Speak words parted by spaces: (T,) at 16 kHz."""
    pitch = PITCH[voice] * rng.uniform(0.97, 1.03)
    pause = np.zeros(FS // 10)
    parts = [pause]
    for word in words.split():
        parts += [*(letter(name, pitch, rng) for name in word), pause]
    wav = np.concatenate(parts)
    return (wav + 1e-4 * rng.standard_normal(len(wav))).astype(np.float32)


class TinySuperb:
    """Writes audio and manifests below ``root``.

    Args:
        root: gets superb/TASK/*.csv and audio/.
        sizes: utterances of each voice in train, valid and test.
    """

    def __init__(self, root: Path, sizes: tuple[int, int, int] = (6, 2, 2)) -> None:
        self.root, self.rng = root, np.random.default_rng(0)
        self.superb_dir = root / "superb"
        self.spoken: dict[str, list[tuple[str, str, str, Path]]] = {}
        for split, size in zip(SPLITS, sizes, strict=True):
            self.spoken[split] = [
                self._utterance(split, voice, number)
                for number in range(size)
                for voice in PITCH
            ]
        for name in TASKS:
            for split in TASKS[name].splits:
                rows = getattr(self, f"_{name}")(split)
                self.write(name, split, rows)

    def copy(self, root: Path) -> TinySuperb:
        """Give the same manifests below ``root``, with the same audio."""
        twin = copy.copy(self)
        twin.root, twin.superb_dir = root, root / "superb"
        shutil.copytree(self.superb_dir, twin.superb_dir)
        return twin

    def _utterance(self, split: str, voice: str, number: int) -> tuple:
        first = WORDS[(number + len(voice) + ord(voice[0])) % 4]
        words = f"{first} {self.rng.choice(WORDS)}"
        utt = f"{voice}-{split}-{number:02d}"
        path = self.root / "audio" / f"{utt}.wav"
        write_audio(path, say(words, voice, self.rng), FS)
        return utt, voice, words, path

    def write(self, name: str, split: str, rows: list[dict]) -> Path:
        path = self.superb_dir / name / f"{split}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def _each(self, split: str, **columns) -> list[dict]:
        return [
            {
                "id": utt,
                "wav_path": str(path),
                **{name: make(voice, words) for name, make in columns.items()},
            }
            for utt, voice, words, path in self.spoken[split]
        ]

    def _asr(self, split):
        return self._each(split, transcription=lambda voice, words: words)

    def _pr(self, split):
        def phones(voice, words):
            return " ".join(words.replace(" ", "_").upper())

        return self._each(split, transcription=phones)

    def _ks(self, split):
        rows = self._each(split, label=lambda v, words: str(WORDS.index(words[:3])))
        return [row | {"start_sec": 0.1, "end_sec": 0.7} for row in rows]

    def _ic(self, split):
        return self._each(split, labels=lambda v, words: words.replace(" ", " ; "))

    def _sid(self, split):
        return self._each(split, label=lambda voice, words: voice)

    def _er(self, split):
        return self._each(
            split, label=lambda v, words: "NA" if "sai" in words else "ang"
        )

    def _lid(self, split):
        return self._each(
            split, label=lambda v, words: "xx" if PITCH[v] < 200 else "yy"
        )

    def _sf(self, split):
        def slots(voice, words):
            return " ".join("place" if word == "isu" else "O" for word in words.split())

        return self._each(split, transcription=lambda v, words: words, iob=slots)

    def _asv(self, split):
        if split == "train":
            return self._each(split, spk=lambda voice, words: voice)
        pairs = [
            (a, b) for a in self.spoken[split] for b in self.spoken[split] if a < b
        ]
        return [
            {
                "id1": a[0],
                "id2": b[0],
                "wav_path1": str(a[3]),
                "wav_path2": str(b[3]),
                "label": int(a[1] == b[1]),
            }
            for a, b in pairs
        ]

    def _sd(self, split):
        """Two voices in turn: one recording for each pair of utterances."""
        rows, spoken = [], self.spoken[split]
        for first, second in zip(spoken[::2], spoken[1::2], strict=True):
            record = f"{first[0]}_{second[0]}"
            wavs = [
                say(words, voice, self.rng) for _, voice, words, _ in (first, second)
            ]
            path = self.root / "audio" / f"{record}.wav"
            write_audio(path, np.concatenate(wavs), FS)
            times = np.cumsum([0, *map(len, wavs)]) / FS
            for number, (utt, voice, _, _) in enumerate((first, second)):
                rows.append(
                    {
                        "record_id": record,
                        "duration": times[-1],
                        "wav_path": str(path),
                        "utt_id": f"{record}_{utt}",
                        "speaker": voice,
                        "start_sec": times[number],
                        "end_sec": times[number + 1],
                    }
                )
        return rows

    def add_noise(self, snr: float, names: tuple[str, ...]) -> tuple[Path, Path]:
        """Write the twins of all test audio of some tasks; give both scp files."""
        paths = {
            row[column]
            for name in names
            for row in self.read(name, "test")
            for column in TASKS[name].audio_columns("test")
        }
        clean = {Path(path).stem: path for path in paths}
        noisy = {}
        for utt, path in clean.items():
            wav, _ = read_audio(path)
            noise = self.rng.standard_normal(len(wav)) * wav.std() * 10 ** (-snr / 20)
            noisy[utt] = str(self.root / "noisy" / f"{utt}.wav")
            write_audio(noisy[utt], (0.3 * (wav + noise)).astype(np.float32), FS)
        write_scp(self.root / "spk1.scp", clean)
        write_scp(self.root / "wav.scp", noisy)
        utt2spk = {utt: utt.split("-")[0] for utt in clean}
        write_scp(self.root / "utt2spk", utt2spk)
        write_scp(self.root / "spk2utt", utt2spk_to_spk2utt(utt2spk))
        return self.root / "spk1.scp", self.root / "wav.scp"

    def read(self, name: str, split: str) -> list[dict]:
        with open(self.superb_dir / name / f"{split}.csv", newline="") as stream:
            return list(csv.DictReader(stream))
