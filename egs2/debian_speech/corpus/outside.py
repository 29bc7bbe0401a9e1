"""The outside set: voices, microphones and noises of packages that train nothing here.

How far a model carries is seen on speech and noise that no size of the corpus, no
downstream task and no pre-training knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from corpus.clips import Clip
from corpus.noise import NoisePool
from espnet2_ext.fileio.names import safe_id

Trees = Mapping[str, Path]
SPEECH = "pocketsphinx-testdata"
TRANSCRIPTS = {  # voice -> where its texts are
    "librivox": "**/data/librivox/transcription",
    "cards": "**/data/cards/cards.transcription",
}
NOISE = {  # noise type -> package, files
    "beats": ("sonic-pi-samples", "**/samples/loop_*.flac"),
    "typing": ("bucklespring-data", "**/buckle/wav/*.wav"),
}


def outside_speech(trees: Trees) -> list[Clip]:
    """List the test recordings of a recogniser: a novel read aloud, and card games."""
    found = []
    for voice, pattern in TRANSCRIPTS.items():
        for table in sorted(trees[SPEECH].glob(pattern)) if SPEECH in trees else ():
            for line in table.read_text(encoding="utf-8").splitlines():
                match = re.fullmatch(r"<s>(.+)</s>\s*\((\S+)\)", line.strip())
                path = table.parent / f"{match[2] if match else ''}.wav"
                if match and path.is_file():
                    speaker = f"pocketsphinx-{voice}"
                    name = safe_id(speaker, match[2])
                    text = " ".join(match[1].split())
                    found.append(Clip(name, speaker, "en", text, str(path), match[2]))
    return found


def outside_noise(trees: Trees) -> NoisePool:
    """List keys of a keyboard, and rhythms: short recordings, joined while mixing."""
    pool = NoisePool()
    for kind, (package, pattern) in NOISE.items():
        for path in sorted(trees[package].glob(pattern)) if package in trees else ():
            name = safe_id(kind, path.stem)
            clip = Clip(name, f"{kind}-{path.stem}", "", "", str(path), path.stem)
            pool.files.setdefault(kind, []).append(clip)
    return pool
