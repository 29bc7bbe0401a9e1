"""One question to the scheduler, asked without waiting for the answer."""

from __future__ import annotations

import subprocess
import tempfile
import time

from jobs.scheduler import Answer

QUERY_SECONDS = 60.0  # a question without an answer is given up


class Query:
    """One question to the scheduler, asked without waiting for the answer."""

    def __init__(self, command: list[str]) -> None:
        self.started = time.monotonic()
        # files: an answer larger than a pipe would block while nobody reads
        self.streams = [tempfile.TemporaryFile("w+") for _ in range(2)]  # noqa: SIM115
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.streams[0],
            stderr=self.streams[1],
            start_new_session=True,  # Ctrl-C is for us
        )

    def answer(self) -> Answer | None:
        """Return the answer, or None while there is none."""
        if self.process.poll() is None:
            if time.monotonic() - self.started < QUERY_SECONDS:
                return None
            self.process.kill()
            self.process.wait()
        texts = []
        for stream in self.streams:
            stream.seek(0)
            texts.append(stream.read())
            stream.close()
        return Answer(self.process.returncode, texts[0], texts[1])
