"""Make the embedded downstream tasks: clean audio, CSV manifests, test noise.

python -m espnet2_ext.bin.prepare_debian_downstream --superb_size demo
"""

from __future__ import annotations

import argparse
import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_debian_downstream",
        description="Make the downstream tasks of the embedded corpus.",
    )
    add = parser.add_argument
    add("--superb_size", default="demo", help="demo (probes train in minutes) | full")
    add("--downloads", default="downloads", help="where packages are kept")
    add("--superb_dir", default="data/superb", help="where the tasks are written")
    add("--nj", type=int, default=os.cpu_count() or 1, help="parallel processes")
    return parser


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch and write; see ``--help``."""
    args = get_parser().parse_args(argv)
    if args.nj < 1:
        raise UserError(f"found --nj {args.nj}; expected 1 or more.")
    from espnet2_ext.data.debian.downstream.tasks import SIZES, TASKS
    from espnet2_ext.data.debian.downstream.write import write_tasks
    from espnet2_ext.data.debian.fetch import fetch_packages
    from espnet2_ext.data.debian.packages import downstream_packages
    from espnet2_ext.errors import unknown_name

    if args.superb_size not in SIZES:  # before anything is downloaded
        raise unknown_name("--superb_size", args.superb_size, SIZES)
    trees = fetch_packages(downstream_packages(), Path(args.downloads), say)
    folder = Path(args.superb_dir)
    write_tasks(trees, folder, args.superb_size, args.nj, say)
    for task in TASKS:
        say(f"{task.name:4s}{task.title}: {'; '.join(summary(folder / task.name))}")


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


if __name__ == "__main__":
    run_main(main)
