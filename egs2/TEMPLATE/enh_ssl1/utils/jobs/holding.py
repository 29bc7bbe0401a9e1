"""One wrapper at a time for a log: who writes it is noted beside it.

Two wrappers with one log name would write over each other's job script and log, and
both could report success for a command that never ran. So each notes, in
<dir>/.jobs.held of every folder of its logs, the files that are its own; a second one
that wants one of them is refused at once. The note goes when the end is known. A note
of a wrapper that was killed, or that left its job behind, is dropped unless that job
still runs on the cluster.

The note is changed under <dir>/.jobs.lock, which is made with O_EXCL: that holds
between machines on a shared file system, too.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jobs.messages import fail

NOTE, LOCK = ".jobs.held", ".jobs.lock"
LOCK_SECONDS = 30.0  # it is held for milliseconds: an older one was left by a kill
PAUSE = 0.01
SHOWN = 200  # characters of a command in a message

Note = dict[str, Any]
StillRuns = Callable[[Note], bool]


def start_time(pid: int) -> str:
    """When a process of this machine was started, in clock ticks; "" without it."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def is_alive(note: Note) -> bool:
    """Tell whether the wrapper of a note still runs; one elsewhere is believed."""
    if note.get("host") != socket.gethostname():
        return True
    started = start_time(int(note.get("pid", 0)))
    return bool(started) and started == note.get("started")


def is_plain(log: str) -> bool:
    """Tell a file from /dev/null and the like, which nobody has to himself."""
    return os.path.isfile(log) or not os.path.exists(log)


class Holding:
    """The files that one call of a wrapper writes.

    Args:
        files: their names, in any spelling.
        command: what is run, for messages.
        still_runs: asked about the note of a killed wrapper that had submitted a job.
    """

    def __init__(
        self,
        files: list[str],
        command: str,
        still_runs: StillRuns = lambda note: False,
    ) -> None:
        self.still_runs = still_runs
        self.names: dict[str, set[str]] = {}  # by folder
        for name in files:
            folder = os.path.realpath(os.path.dirname(name) or ".")
            self.names.setdefault(folder, set()).add(os.path.basename(name))
        self.note: Note = {
            "id": secrets.token_hex(8),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": start_time(os.getpid()),
            "since": time.ctime(),
            "command": command[:SHOWN],
        }
        self.held: list[str] = []

    def take(self) -> None:
        """Note the files; stop if another wrapper has one of them."""
        for folder in sorted(self.names):
            try:
                os.makedirs(folder, exist_ok=True)
                self._take_in(folder)
            except OSError as error:
                self.release()
                name = os.path.join(folder, min(self.names[folder]))
                fail(f"cannot write the log {name}: {error.strerror}")

    def _take_in(self, folder: str) -> None:
        with locked(folder):
            notes = [n for n in read_notes(folder) if self._counts(n, folder)]
            for other in notes:
                shared = self.names[folder].intersection(other.get("names", []))
                if shared:
                    self.release()
                    refuse(os.path.join(folder, min(shared)), other, folder)
            mine = {**self.note, "names": sorted(self.names[folder])}
            write_notes(folder, [*notes, mine])
            self.held.append(folder)

    def _counts(self, note: Note, folder: str) -> bool:
        """Tell whether a note of another call still means something."""
        if is_alive(note):
            return True
        shared = self.names[folder].intersection(note.get("names", []))
        return bool(shared) and "query" in note and self.still_runs(note)

    def add(self, **facts: Any) -> None:
        """Add facts to the note: the job's id, and how to ask for it."""
        self.note.update(facts)
        for folder in self.held:
            self._replace(folder, [{**self.note, "names": sorted(self.names[folder])}])

    def release(self) -> None:
        """Take the note back from every folder."""
        for folder in self.held:
            self._replace(folder, [])
        self.held = []

    def leave(self) -> None:
        """Leave the note where it is: our job goes on without us, and has the files."""
        self.held = []

    def _replace(self, folder: str, mine: list[Note]) -> None:
        with contextlib.suppress(OSError), locked(folder):
            notes = [n for n in read_notes(folder) if n.get("id") != self.note["id"]]
            write_notes(folder, [*notes, *mine])


def refuse(name: str, other: Note, folder: str) -> None:
    """Stop, and say who has the file."""
    who = f"process {other.get('pid')} on {other.get('host')}"
    job = other.get("job")
    if job and not is_alive(other):
        do = f"wait until job {job} has ended, or do `{other.get('cancel')}`"
        who = f"job {job}, whose wrapper ({who}) is gone"
    else:
        do = (
            "wait for it, end it, or give another log; if it is gone, remove "
            f"{os.path.join(folder, NOTE)}"
        )
    fail(
        f"found {name} in use by {who} since {other.get('since')} "
        f"({other.get('command')}); expected a log of its own for each call; {do}"
    )


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Hold the lock of a folder's note; milliseconds."""
    path = os.path.join(folder, LOCK)
    while True:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            break
        except FileExistsError:
            _drop_old(path)
            time.sleep(PAUSE)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


def _drop_old(path: str) -> None:
    """Remove a lock that a killed wrapper left; its age is by the disk's own clock."""
    probe = f"{path}.{secrets.token_hex(4)}"
    with contextlib.suppress(OSError):
        made = os.stat(path)
        if time.time() - made.st_mtime < LOCK_SECONDS / 2:
            return
        with open(probe, "w"):
            age = os.stat(probe).st_mtime - made.st_mtime
        os.remove(probe)
        if age > LOCK_SECONDS and os.stat(path).st_ino == made.st_ino:
            os.remove(path)


def read_notes(folder: str) -> list[Note]:
    """Read what is noted; a line that cannot be read counts for nothing."""
    notes = []
    with contextlib.suppress(OSError), open(os.path.join(folder, NOTE)) as stream:
        for line in stream:
            with contextlib.suppress(ValueError):
                note = json.loads(line)
                if isinstance(note, dict):
                    notes.append(note)
    return notes


def write_notes(folder: str, notes: list[Note]) -> None:
    """Write what is noted, in one step; nothing leaves no file."""
    path = os.path.join(folder, NOTE)
    if not notes:
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        return
    partial = f"{path}.{secrets.token_hex(4)}"
    with open(partial, "w") as stream:
        stream.writelines(json.dumps(note) + "\n" for note in notes)
    os.replace(partial, path)
