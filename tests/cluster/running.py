"""Private clusters for tests, and calls of the wrappers on them."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

HERE = Path(__file__).parent
UTILS = ROOT / "egs2/TEMPLATE/enh_ssl1/utils"
NOT_INSTALLABLE = 3  # exit status of the start scripts
SHOWN = "SLURM_CONF", "SGE_ROOT", "SGE_CELL", "SGE_QMASTER_PORT", "SGE_EXECD_PORT"


def free_ports(count: int) -> int:
    """Return the first of ``count`` free ports in a row on loopback."""
    for _ in range(100):
        first = random.randrange(20000, 32000)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for i in range(count):
                sockets[i].bind(("127.0.0.1", first + i))
        except OSError:
            continue
        else:
            return first
        finally:
            for one in sockets:
                one.close()
    raise RuntimeError("found no free ports")


class Cluster:
    """A running Slurm ("slurm") or Grid Engine ("ge") with a recipe's directory."""

    def __init__(self, kind: str, folder: Path, **settings: str) -> None:
        self.kind, self.folder = kind, folder / "cluster"
        self.settings = {**os.environ, **settings}
        self.env = dict(os.environ)
        self.recipe = folder / "recipe"
        (self.recipe / "conf").mkdir(parents=True)
        (self.recipe / "utils").symlink_to(UTILS)
        (self.recipe / "path.sh").write_text('export PATH="${PWD}/utils:${PATH}"\n')
        for name in ("slurm.conf", "queue.conf"):
            shutil.copy(ROOT / "conf" / name, self.recipe / "conf")

    def start(self) -> None:
        """Start it; skip the test where its packages cannot be had."""
        script = str(HERE / f"start_{self.kind}.sh")
        done = subprocess.run(
            [script, str(self.folder)],
            env=self.settings,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode == NOT_INSTALLABLE or os.geteuid() != 0 != done.returncode:
            pytest.skip(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr
        shown = subprocess.run(
            ["bash", "-c", done.stdout + "\nenv"],
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        for line in shown.stdout.splitlines():
            name, _, value = line.partition("=")
            if name == "PATH" or name in SHOWN:
                self.env[name] = value

    def stop(self) -> None:
        """End every process that was started."""
        script = str(HERE / f"stop_{self.kind}.sh")
        subprocess.run([script, str(self.folder)], env=self.settings, check=True)

    def pid(self, daemon: str) -> int:
        """Return the process id of a daemon."""
        return int((self.folder / f"{daemon}.pid").read_text())

    def end(self, daemon: str) -> None:
        """End a daemon as an administrator would and wait until it is gone."""
        pid = self.pid(daemon)
        os.kill(pid, signal.SIGTERM)
        if not wait_for(lambda: is_gone(pid), 60):  # it waits for its own threads
            os.kill(pid, signal.SIGKILL)
            assert wait_for(lambda: is_gone(pid), 30)

    def restart(self, daemon: str, *command: str, **environment: str) -> None:
        """Start a daemon again, with the state that it left."""
        script = f'. "{HERE}/packages.sh"; start_daemon "$@"'
        subprocess.run(
            ["bash", "-c", script, "start", str(self.folder), daemon, *command],
            env={**self.env, **environment},
            check=True,
        )

    def ask(self, *command: str) -> str:
        """Output of one of the scheduler's commands."""
        done = subprocess.run(
            command,
            env=self.env,
            cwd=self.recipe,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout + done.stderr

    def call(self, *words: str, **environment: str) -> Call:
        """Start slurm.pl or queue.pl."""
        wrapper = {"slurm": "slurm.pl", "ge": "queue.pl"}[self.kind]
        command = [f"utils/{wrapper}", *words]
        return Call(command, self.recipe, {**self.env, **environment})

    def run(self, *words: str, seconds: float = 60, **environment: str) -> Done:
        """Start slurm.pl or queue.pl and wait for it."""
        return self.call(*words, **environment).wait(seconds)

    def log(self, name: str) -> str:
        """Text of a log."""
        return (self.recipe / name).read_text()

    def output(self, name: str) -> list[str]:
        """Lines of a log without header and footer."""
        lines = self.log(name).splitlines()
        return [line for line in lines if not line.startswith("#")]


class Done(NamedTuple):
    """How a call ended."""

    status: int
    stderr: str
    seconds: float


class Call:
    """A wrapper that runs."""

    count = 0

    def __init__(self, command: list[str], cwd: Path, env: dict[str, str]) -> None:
        Call.count += 1
        self.messages = cwd / f"stderr.{Call.count}"
        self.started = time.monotonic()
        with open(self.messages, "w") as stream:
            self.process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )

    def said(self) -> str:
        """Messages up to now."""
        return self.messages.read_text()

    def wait(self, seconds: float) -> Done:
        """Wait for the end; one that hangs is ended, and the test fails."""
        start = time.monotonic()
        try:
            status = self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(timeout=60)
            pytest.fail(f"still waiting after {seconds} s; it said: {self.said()}")
        return Done(status, self.said(), time.monotonic() - start)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked after yet has, too."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


def wait_for(condition, seconds: float = 60.0) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False
