"""Downloading and unpacking the packages; a killed run starts again cleanly."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from corpus.apt import Apt, Candidate, own_apt, require_apt
from corpus.packages import Package, missing_report
from espnet2_ext.errors import UserError

Say = Callable[[str], None]
STAMP = ".deb-name"  # written last into an unpacked tree: which file it came from


def fetch_packages(
    packages: Sequence[Package], root: Path, say: Say = print
) -> dict[str, Path]:
    """Make every package available unpacked under ``root/tree/<name>``.

    What is already unpacked is left alone; .deb files found in ``root/deb`` are used
    before anything is downloaded. Nothing is installed on the machine.

    Returns:
        Package name -> unpacked tree; packages that this release does not have are
        left out, after a line that says what is lost.

    Raises:
        UserError: if apt cannot be used, or a download fails twice.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _lock(root, say):
        _remove_leftovers(root)
        todo = [p for p in packages if not (root / "tree" / p.name / STAMP).is_file()]
        if todo:
            megabytes = sum(package.megabytes for package in todo)
            say(f"{len(todo)} packages to get, about {megabytes:.0f} MB, into {root}")
        source = _Source(root, [package.name for package in todo], packages, say)
        for number, package in enumerate(todo, start=1):
            _provide(package, root, source, f"[{number:2d}/{len(todo)}]", say)
    trees = {package.name: root / "tree" / package.name for package in packages}
    trees = {name: tree for name, tree in trees.items() if (tree / STAMP).is_file()}
    for line in missing_report({package.name for package in packages} - set(trees)):
        say(f"WARNING: {line}")
    return trees


def deb_name(tree: Path) -> str:
    """Tell which .deb file an unpacked tree came from (name and version)."""
    return (tree / STAMP).read_text(encoding="utf-8").strip()


@contextmanager
def _lock(root: Path, say: Say) -> Iterator[None]:
    """Let one run at a time change ``root``, which several may share."""
    with open(root / ".lock", "w", encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say(f"waiting for another run that is fetching into {root}")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield  # closing the file releases the lock, also when the process dies


def _remove_leftovers(root: Path) -> None:
    """Delete what a killed run left half-done (safe: we hold the lock)."""
    for folder in (root / "deb", root / "tree"):
        folder.mkdir(exist_ok=True)
        for path in folder.glob(".tmp.*"):
            shutil.rmtree(path)


def _provide(package: Package, root: Path, source: _Source, tag: str, say: Say) -> None:
    started = time.monotonic()
    debs = sorted((root / "deb").glob(f"{package.name}_*.deb"))
    if debs and _unpack(debs[-1], root / "tree" / package.name):
        how = "found"
    else:
        if debs:
            say(f"{tag} {debs[-1]} cannot be unpacked; it is downloaded again")
            debs[-1].unlink()
        if package.name not in source.available():
            return
        debs = [source.download(package.name, tag)]
        if not _unpack(debs[0], root / "tree" / package.name):
            raise UserError(f"{debs[0]}: dpkg-deb cannot unpack it; delete it.")
        how = "downloaded"
    megabytes = debs[-1].stat().st_size / 1e6
    seconds = time.monotonic() - started
    say(f"{tag} {package.name} {megabytes:.1f} MB {how}, in {seconds:.1f} s")


def _unpack(deb: Path, tree: Path) -> bool:
    """Unpack under a temporary name, then move; False if the file is broken."""
    if not shutil.which("dpkg-deb"):
        raise UserError("found no dpkg-deb; expected a Debian or Ubuntu system.")
    partial = tree.parent / f".tmp.{tree.name}"
    shutil.rmtree(partial, ignore_errors=True)
    command = ["dpkg-deb", "-x", str(deb), str(partial)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        shutil.rmtree(partial, ignore_errors=True)
        return False
    (partial / STAMP).write_text(deb.name + "\n", encoding="utf-8")
    shutil.rmtree(tree, ignore_errors=True)  # a tree without stamp is not ours to use
    os.rename(partial, tree)
    return True


class _Source:
    """Downloads through the machine's lists, or through our own when those fail."""

    def __init__(
        self, root: Path, names: list[str], packages: Sequence[Package], say: Say
    ):
        self.root, self.names, self.say = root, names, say
        self.everywhere = {p.name for p in packages if p.everywhere}
        self.apt: Apt | None = None
        self.known: dict[str, Candidate] = {}

    def available(self) -> dict[str, Candidate]:
        """Look the packages up once; nothing is asked while nothing is missing."""
        if self.apt is None:
            require_apt()
            self.apt = Apt()
            self.known = self.apt.candidates(self.names)
            lost = [n for n in self.names if n not in self.known]
            if self.everywhere.intersection(lost):
                self.say(f"{self.apt.where} know no {' '.join(lost)}")
                self._use_own()
        return self.known

    def _use_own(self) -> None:
        self.say(f"fetching package lists into {self.root / 'apt'} (no root needed)")
        self.apt = own_apt(self.root / "apt")
        self.known = self.apt.candidates(self.names)

    def download(self, name: str, tag: str) -> Path:
        """Download with one retry, the second time on fresh lists of our own."""
        try:
            return self._download(name, tag)
        except UserError as error:
            self.say(f"{tag} {error}")
            self.say(f"{tag} trying once more with fresh package lists")
        time.sleep(2)  # a mirror that was busy gets a moment
        self._use_own()
        try:
            return self._download(name, tag)
        except UserError as error:
            raise UserError(
                f"{error} Check the network and run again: finished packages are kept."
            ) from error

    def _download(self, name: str, tag: str) -> Path:
        assert self.apt is not None
        size = self.known[name].size / 1e6 if name in self.known else 0.0
        self.say(f"{tag} {name} {size:.1f} MB: downloading")

        def tell(megabytes: float) -> None:
            self.say(f"{tag} {name} {megabytes:.1f} of {size:.1f} MB")

        folder = Path(tempfile.mkdtemp(prefix=".tmp.", dir=self.root / "deb"))
        try:
            deb = self.apt.download(name, folder, tell)
            os.replace(deb, self.root / "deb" / deb.name)
            return self.root / "deb" / deb.name
        finally:
            shutil.rmtree(folder, ignore_errors=True)
