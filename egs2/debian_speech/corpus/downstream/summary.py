"""What is in the manifests of a task, in words."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


def summary(folder: Path) -> Iterator[str]:
    """Describe the manifests of a task: items, audio files, classes."""
    for name in ("train", "valid", "test"):
        path = folder / f"{name}.csv"
        if not path.is_file():
            continue
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        audio = {row[key] for row in rows for key in row if key.startswith("wav_path")}
        text = f"{name} {len(rows)} items"
        if "wav_path2" in rows[0]:
            same = sum(row["label"] == "1" for row in rows)
            text += f" ({same} target, {len(rows) - same} other) of {len(audio)} files"
        labels = Counter(
            row[key] for row in rows for key in ("label", "labels", "spk") if key in row
        )
        if len(labels) > 2:
            text += f" in {len(labels)} classes of {min(labels.values())}"
            text += f"-{max(labels.values())}"
        yield text
