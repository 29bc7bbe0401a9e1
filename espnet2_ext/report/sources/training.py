"""Training curves from ESPnet's ``train.log``."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.report.pictures import curves, data_uri
from espnet2_ext.report.systems import System

# espnet2/train/reporter.py, Reporter.log_message
RESULT = re.compile(r"(?P<epoch>\d+)epoch results: (?P<parts>\[.*)")
PART = re.compile(r"\[(?P<part>\w+)\] (?P<values>.*?)(?=, \[\w+\] |$)")
VALUE = re.compile(r"(?P<key>[\w.]+)=(?P<value>[-+]?(?:nan|inf|\d[\d.]*(?:e[-+]\d+)?))")

History = dict[str, dict[str, dict[int, float]]]  # value -> part -> epoch -> number


def read_history(exp_dir: Path) -> History:
    """Read every epoch's results, of all logs of a training that was resumed.

    ESPnet's launcher renames the log of the run before to ``train.1.log``, and so on;
    later runs win.
    """
    logs = sorted(exp_dir.glob("train.*.log"), key=_age, reverse=True)
    history: History = {}
    for log in [*logs, exp_dir / "train.log"]:
        if log.is_file():
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                _read_line(line, history)
    return history


def _age(log: Path) -> int:
    number = log.name.split(".")[1]
    return int(number) if number.isdigit() else -1


def _read_line(line: str, history: History) -> None:
    found = RESULT.search(line)
    if found is None:
        return
    epoch = int(found["epoch"])
    for part in PART.finditer(found["parts"]):
        for value in VALUE.finditer(part["values"]):
            number = float(value["value"])
            if math.isfinite(number):
                key = history.setdefault(value["key"], {})
                key.setdefault(part["part"], {})[epoch] = number


def _is_loss(key: str) -> bool:
    return key == "loss" or key.endswith("_loss")


def training_figures(systems: Sequence[System]) -> list[str]:
    """Return one picture (``data:`` address) for each loss that a log holds."""
    histories = {
        system.name: [read_history(Path(row.exp)) for row in system.rows]
        for system in systems
    }
    keys = dict.fromkeys(
        key
        for seeds in histories.values()
        for seed in seeds
        for key in seed
        if _is_loss(key)
    )
    pictures = []
    for key in keys:
        shown = {
            name: [seed[key] for seed in seeds if key in seed]
            for name, seeds in histories.items()
        }
        pictures.append(data_uri("image/png", curves(key, shown)))
    return pictures
