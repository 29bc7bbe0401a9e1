"""Where and with what a report was made."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path


def provenance() -> list[str]:
    """Return lines: date, commit when available, versions, hardware."""
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = [f"date: {now:%Y-%m-%d %H:%M} UTC"]
    if commit := _git_commit():
        lines.append(f"git commit: {commit}")
    lines.append(
        f"versions: Python {platform.python_version()}, "
        + ", ".join(f"{name} {_version(name)}" for name in ("espnet", "torch"))
    )
    lines.append(f"report made on: {os.cpu_count()} CPU cores, {platform.machine()}")
    return lines


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _git_commit() -> str | None:
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() or None
