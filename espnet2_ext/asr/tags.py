"""Tags of a hub; the plan asks before there is an environment."""

from __future__ import annotations

import re
from pathlib import Path

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tbz2", ".tar.bz2", ".txz", ".tar.xz")
TAG = re.compile(r"[\w.-]+/[\w.-]+")


def is_tag(model: Path) -> bool:
    """Tell whether this is ``USER/MODEL`` of a hub, and no file."""
    named_file = model.name.endswith((*ARCHIVES, ".pth"))
    return bool(TAG.fullmatch(str(model))) and not named_file and not model.exists()
