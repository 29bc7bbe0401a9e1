"""A journal of finished utterances, with which a killed job is resumed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from espnet2_ext.fileio.scp import PathLike, atomic_write


class Journal:
    """Entries ``utt -> (digest, score)`` in a file that grows line by line.

    The first line holds the settings. A journal with other settings is discarded. An
    entry is used only if the digest of its inputs is the same, so changed audio is
    scored again. An incomplete last line is ignored.
    """

    def __init__(self, path: PathLike, settings: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.settings = settings
        self._entries = self._read()
        with atomic_write(self.path) as stream:  # drops a cut-off line
            stream.write(_line({"settings": self.settings}))
            for utt, (digest, score) in self._entries.items():
                stream.write(_line({"utt": utt, "digest": digest, "score": score}))
        self._stream = self.path.open("a", encoding="utf-8")

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def get(self, utt: str, digest: str) -> dict[str, Any] | None:
        """Return the score of ``utt`` if its inputs are the same."""
        found = self._entries.get(utt)
        return found[1] if found and found[0] == digest else None

    def add(self, utt: str, digest: str, score: dict[str, Any]) -> None:
        """Append a finished utterance; it survives a kill right after this call."""
        self._stream.write(_line({"utt": utt, "digest": digest, "score": score}))
        self._stream.flush()

    def _read(self) -> dict[str, tuple[str, dict[str, Any]]]:
        if not self.path.is_file():
            return {}
        entries: dict[str, tuple[str, dict[str, Any]]] = {}
        lines = self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        if lines[:1] != [_line({"settings": self.settings}).rstrip("\n")]:
            logging.info("%s: other settings; scoring anew", self.path)
            return {}
        for line in lines[1:]:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            entries[entry["utt"]] = (entry["digest"], entry["score"])
        return entries


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False) + "\n"
