"""Print what is installed, and what to do about what is not.

Usage: check_install.py [--quick]; exit code 1 if a required component is missing.
What the stages import is imported, which takes 15 s; with --quick only where packages
have changed since it worked.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import importlib.metadata
import os
import shutil
import sys
import warnings
from pathlib import Path
from typing import NamedTuple

SETUP = "run tools/setup.sh"
SCORE = f"{SETUP}, or: pip install -e '.[score]'"


class Row(NamedTuple):
    """One line of the table."""

    component: str
    version: str
    advice: str  # "" means OK
    required: bool = True


def distribution(name: str, advice: str = SETUP, required: bool = True) -> Row:
    """Look up an installed distribution without importing it."""
    try:
        return Row(name, importlib.metadata.version(name), "", required)
    except importlib.metadata.PackageNotFoundError:
        return Row(name, "-", advice, required)


def imports(module: str) -> Row:
    """Import a module that stands for a whole chain of packages."""
    label = f"import {module}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except Exception as error:  # a broken native library raises OSError, others too
        return Row(label, "-", f"{type(error).__name__}: {error}; {SETUP}")
    return Row(label, "works", "")


def python_row() -> Row:
    """Check the interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info < (3, 14)
    return Row("python", version, "" if good else "use Python 3.11 to 3.13")


def numpy_row() -> Row:
    """Check numpy against the one bug of espnet 202511 that stops training."""
    row = distribution("numpy")
    espnet = distribution("espnet").version
    new = tuple(int(n) for n in row.version.split(".")[:2] if n.isdigit()) >= (2, 4)
    if espnet == "202511" and new:
        advice = "espnet 202511 cannot train with numpy 2.4: pip install 'numpy<2.4'"
        return row._replace(advice=advice)
    return row


def whisper_row() -> Row:
    """Check the pinned Whisper weights by their sha256."""
    from espnet2_ext.errors import UserError
    from espnet2_ext.ssl.whisper import pinned_whisper_dir

    try:
        pinned_whisper_dir()
    except UserError as error:
        return Row("Whisper tiny.en weights", "-", str(error), required=False)
    return Row("Whisper tiny.en weights", "sha256 verified", "", required=False)


def probes_row() -> Row:
    """Import what the SUPERB probes import, with the stand-ins for what it lacks."""
    from espnet2_ext.errors import UserError
    from espnet2_ext.superb.compat import s3prl_problem

    try:
        s3prl_problem()
    except UserError as error:
        return Row("import s3prl.problem", "-", str(error))
    return Row("import s3prl.problem", "works", "")


def installed() -> str:
    """Digest the names and versions of all that is installed."""
    found = importlib.metadata.distributions()
    names = sorted(f"{d.metadata['Name']} {d.version}" for d in found)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def import_rows(quick: bool) -> list[Row]:
    """Import what stages import; ``quick`` believes that what worked still does."""
    state, now = Path(sys.prefix) / "imports_work", installed()
    if quick and state.is_file() and state.read_text() == now:
        return [Row("imports of all stages", "worked", "")]
    modules = ("torch.utils.tensorboard", "espnet2.tasks.enh", "s3prl.hub")
    table = [*map(imports, modules), probes_row()]
    if not any(row.advice for row in table):
        with contextlib.suppress(OSError):  # an environment of somebody else
            state.write_text(now)
    return table


def program(name: str, why: str) -> Row:
    """Look for a program that a part of the recipes calls."""
    path = shutil.which(name)
    advice = "" if path else f"apt-get install {why}"
    return Row(name, "found" if path else "-", advice, required=False)


def gpu_row() -> Row:
    """Say whether torch sees a GPU."""
    import torch

    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return Row("GPU", ", ".join(names) or "none: --ngpu 0", "", required=False)


def rows(quick: bool) -> list[Row]:
    """Collect the table; ``quick`` leaves out what is slow and rarely changes."""
    required = ["torch", "torchaudio", "espnet", "espnet-s3prl", "tensorboard"]
    required += ["soundfile", "PyYAML", "sentencepiece", "librosa", "soxr"]
    required += ["kaldiio" if sys.version_info < (3, 12) else "omniio"]
    optional = ["fast_bss_eval", "pesq", "pystoi", "speechmos", "rapidfuzz"]
    optional += ["pocketsphinx", "faster-whisper", "G722", "pyroomacoustics"]
    table = [python_row(), numpy_row(), *map(distribution, required)]
    table += [distribution(name, SCORE, required=False) for name in optional]
    if not quick:
        table += [whisper_row(), gpu_row()]
    table += import_rows(quick)
    table += [program("dpkg-deb", "dpkg"), program("apt-get", "apt")]
    return table


def main() -> int:
    """Print the table and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="no slow checks")
    args = parser.parse_args()
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    table = rows(args.quick)
    width = max(len(row.component) for row in table)
    print(f"{'component':<{width}}  {'version':<16}  status")
    for row in table:
        status = row.advice or "OK"
        if row.advice and not row.required:
            status = f"optional; {status}"
        print(f"{row.component:<{width}}  {row.version:<16}  {status}")
    return int(any(row.advice and row.required for row in table))


if __name__ == "__main__":
    sys.exit(main())
