"""Asking apt for packages without installing any and without privileges."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espnet2_ext.errors import UserError

# English messages, and no question ever asked: nobody sits at the other end.
ENVIRONMENT = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


@dataclass(frozen=True)
class Candidate:
    """What apt would download: version and size in bytes."""

    version: str
    size: int


@dataclass
class Apt:
    """``apt-get download`` on one set of package lists.

    Attributes:
        where: for messages, e.g. ``"this machine's package lists"``.
        options: command-line options in front of every command.
    """

    where: str = "this machine's package lists"
    options: list[str] = field(default_factory=list)

    def command(self, tool: str, *words: str) -> list[str]:
        """Give the full command line of an apt tool."""
        # As root apt drops to user _apt, which may not write here, and warns.
        root = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
        return [tool, *self.options, *root, *words]

    def candidates(self, names: Sequence[str]) -> dict[str, Candidate]:
        """Look up packages; those that the lists do not have are left out."""
        reply = subprocess.run(
            self.command("apt-cache", "show", "--no-all-versions", *names),
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            check=False,  # 100 when a name is unknown: that is an answer too
        )
        found: dict[str, Candidate] = {}
        for record in reply.stdout.split("\n\n"):
            pairs = (line.partition(": ") for line in record.splitlines())
            values = {key: value for key, colon, value in pairs if colon}
            if "Size" in values:  # an installed-only record has no download
                candidate = Candidate(values["Version"], int(values["Size"]))
                found.setdefault(values["Package"], candidate)
        return found

    def download(
        self, name: str, folder: Path, tell: Callable[[float], None] | None = None
    ) -> Path:
        """Download one package file into the empty ``folder``; apt checks its hash.

        Args:
            name: package name.
            folder: where to put it.
            tell: called every few seconds with the megabytes that are there.

        Raises:
            UserError: with apt's own words if it fails.
        """
        with open(folder / "apt.log", "w+", encoding="utf-8") as log:
            process = subprocess.Popen(
                self.command("apt-get", "--yes", "download", name),
                cwd=folder,
                env={**os.environ, **ENVIRONMENT},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            _wait(process, folder, tell)
            log.seek(0)
            errors = [line for line in log if line.startswith("E:")]
        files = sorted(folder.glob(f"{name}_*.deb"))
        if process.returncode or not files:
            said = " ".join(errors).strip() or f"exit code {process.returncode}"
            raise UserError(f"apt-get download {name} failed: {said}")
        return files[0]


def _wait(
    process: subprocess.Popen, folder: Path, tell: Callable[[float], None] | None
) -> None:
    """Wait for a download; after each 5 s report how much has arrived."""
    told = time.monotonic()
    try:
        while process.poll() is None:
            time.sleep(0.05)
            if tell and time.monotonic() - told > 5:
                told = time.monotonic()
                tell(sum(path.stat().st_size for path in folder.iterdir()) / 1e6)
    finally:
        if process.poll() is None:  # interrupted: do not leave apt behind
            process.kill()
            process.wait()


def require_apt() -> None:
    """Check that the tools of a Debian system are there.

    Raises:
        UserError: if they are not.
    """
    lost = [tool for tool in ("apt-get", "apt-cache") if not shutil.which(tool)]
    if lost:
        raise UserError(
            f"found no {' and no '.join(lost)}; expected a Debian or Ubuntu system. "
            "Run this on one (a container will do), or copy the .deb files there."
        )


CONFIGURATION = """\
Dir::State "{root}/state";
Dir::State::lists "{root}/state/lists";
Dir::State::status "{root}/state/status";
Dir::State::extended_states "{root}/state/extended_states";
Dir::Cache "{root}/cache";
Dir::Log "{root}/log";
// Hooks are for the machine's own state (containers delete archives in them).
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


def own_apt(root: Path) -> Apt:
    """Make (or refresh) an apt state of our own; works for an ordinary user.

    Args:
        root: folder of the state: lists, cache, and an empty list of installed
            packages. The machine's sources and keys are used.

    Raises:
        UserError: if the lists cannot be fetched.
    """
    root = root.resolve()
    for name in ("state/lists/partial", "cache/archives/partial", "log"):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "state/status").touch()
    if any(character in str(root) for character in '";\n'):
        raise UserError(f"{root}: apt cannot use a folder name with ' \" ; ' in it.")
    configuration = CONFIGURATION.format(root=root)
    (root / "apt.conf").write_text(configuration, encoding="utf-8")
    apt = Apt(f"the lists in {root}", ["-c", str(root / "apt.conf")])
    reply = subprocess.run(
        apt.command("apt-get", "update"),
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,  # one broken third-party source must not stop us
    )
    if not list((root / "state/lists").glob("*_Packages*")):
        lines = reply.stderr.splitlines()
        errors = [line for line in lines if line.startswith(("E:", "W:"))]
        raise UserError(
            f"apt-get update (own state in {root}) got no lists: {' '.join(errors)} "
            "Check the network and the machine's package sources "
            "(/etc/apt/sources.list*), then run again."
        )
    return apt
