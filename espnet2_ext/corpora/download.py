"""Downloads that survive a cut connection, verified, and unpacked as a whole."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from espnet2_ext.corpora.archives import Archive
from espnet2_ext.errors import UserError, reason_of

BLOCK = 1 << 20  # bytes
TIMEOUT = 60.0  # s without a byte
TRIES = 3  # of each address, as long as bytes keep coming
PAUSE = 2.0  # s before the next try
ROOM = 2.2  # the archive and what is in it, in sizes of the archive

Say = Callable[[str], None]


def fetch(
    archive: Archive, folder: Path, say: Say = print, keep_archive: bool = False
) -> None:
    """Download an archive and unpack it, unless that was done.

    What a broken-off download left is continued. The content appears under its name
    when it is complete; a marker beside it, written last, says so.

    Args:
        archive: which one.
        folder: where it is unpacked.
        say: prints a line of progress.
        keep_archive: leave the file there, too.

    Raises:
        UserError: if no address gives the file, it is not the published one, there is
            no room for it, or it cannot be unpacked.
    """
    marker = folder / f".{archive.corpus}.{archive.part}.unpacked"
    if marker.exists() and (folder / archive.holds).is_dir():
        say(f"{archive.name}: unpacked in {folder / archive.holds}, kept")
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / archive.file
    _check_room(archive, folder, path)
    if not path.exists():
        _download(archive, path, say)
    say(f"{archive.name}: unpacking into {folder}")
    _unpack(archive, path, folder)
    marker.write_text(f"{archive.checksum}\n", encoding="utf-8")
    if not keep_archive:
        path.unlink()


def _check_room(archive: Archive, folder: Path, path: Path) -> None:
    there = sum(p.stat().st_size for p in (path, _partial(path)) if p.exists())
    needed, free = ROOM * archive.size - there, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: found {free / 1e9:.1f} GB free; expected {needed / 1e9:.1f} "
            f"for {archive.name} and what is in it; make room, or take another folder."
        )


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _download(archive: Archive, path: Path, say: Say) -> None:
    """Try the addresses in turn; what one has given, another continues."""
    failures = []
    for url in archive.urls:
        try:
            _from_address(archive, url, path, say)
            return
        except UserError as error:
            failures.append(str(error))
            say(f"{archive.name}: {error}")
    raise UserError(
        f"{archive.name}: no address gave it: {' '.join(failures)} Run it again to go "
        f"on, or put the file into {path.parent} by hand."
    )


def _from_address(archive: Archive, url: str, path: Path, say: Say) -> None:
    partial, tries = _partial(path), TRIES
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            _receive(archive, url, partial, say)
            break
        except (OSError, http.client.HTTPException) as error:
            grown = partial.exists() and partial.stat().st_size > before
            tries = TRIES if grown else tries - 1
            if tries == 0 or isinstance(error, urllib.error.HTTPError):
                raise UserError(f"{url}: {reason_of(error)}.") from error
            time.sleep(PAUSE)
    _verify(archive, partial, url)
    partial.replace(path)


def _receive(archive: Archive, url: str, partial: Path, say: Say) -> None:
    """Append what is missing to the partial file; proxies are those of the system."""
    done = partial.stat().st_size if partial.exists() else 0
    if archive.size and done >= archive.size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing is left to send
            return
        raise
    with answer:
        continued = answer.status == 206
        total = int(answer.headers.get("Content-Length", 0)) + done * continued
        done = done if continued else 0
        shown = time.monotonic()
        with open(partial, "ab" if continued else "wb") as stream:
            while block := answer.read(BLOCK):
                stream.write(block)
                done += len(block)
                if time.monotonic() - shown > 10:
                    shown = time.monotonic()
                    say(f"{archive.name}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")
    if total and done < total:  # urllib does not mind a connection that ends early
        raise http.client.IncompleteRead(b"", total - done)


def _verify(archive: Archive, partial: Path, url: str) -> None:
    """Compare size and checksum; another file is kept aside."""
    size, aside = partial.stat().st_size, partial.with_suffix(".wrong")
    if archive.size and size != archive.size:
        partial.replace(aside)
        raise UserError(
            f"{url}: found {size} bytes; expected {archive.size}; kept as {aside}."
        )
    if archive.checksum:
        kind, _, expected = archive.checksum.partition(":")
        digest = hashlib.new(kind)
        with open(partial, "rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
        found = digest.hexdigest()
        if found != expected:
            partial.replace(aside)
            raise UserError(
                f"{url}: found {kind} {found}; expected {expected}; kept as {aside}."
            )


def _unpack(archive: Archive, path: Path, folder: Path) -> None:
    """Unpack beside the place, then move what is in it there, folder by folder."""
    work = folder / f".unpacking.{archive.corpus}.{archive.part}"
    shutil.rmtree(work, ignore_errors=True)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as opened:
                opened.extractall(work)
        else:
            with tarfile.open(path) as packed:
                packed.extractall(work, filter="data")
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        shutil.rmtree(work, ignore_errors=True)
        raise UserError(
            f"{path}: cannot be unpacked ({reason_of(error)}); remove it and run again."
        ) from error
    shutil.rmtree(work / "__MACOSX", ignore_errors=True)  # left by one system's zip
    if not (work / archive.holds).is_dir():
        held = sorted(x.name for x in work.iterdir())
        raise UserError(
            f"{path}: found {' '.join(held) or 'nothing'}; expected {archive.holds}; "
            f"what is in it is in {work}."
        )
    _merge(work, folder)
    shutil.rmtree(work)


def _merge(source: Path, target: Path) -> None:
    """Move a tree into another; files that are there already are replaced."""
    for path in source.iterdir():
        other = target / path.name
        if path.is_dir() and other.is_dir():
            _merge(path, other)
        else:
            path.replace(other)
