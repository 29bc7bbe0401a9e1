"""File names made of utterance ids.

An id may hold slashes (each makes a folder), quotes and letters of any script. Its file
must be inside the output folder, and must not be an input.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from espnet2_ext.errors import UserError

# a file name has at most 255 bytes, suffix (.flac) and prefix (.tmp.PID.) included
MOST_BYTES = 235
SUFFIXES = (".wav", ".flac", ".json")
VALID_ID = (
    "an id that can be a file name (no '/' at its start or end, no '.' or '..' between "
    f"slashes, no control characters, at most {MOST_BYTES} bytes between slashes)"
)
DO = "give the utterance another id in all lists"


def id_problem(utt: str) -> str:
    """Return why ``utt`` cannot be a file name; "" if it can."""
    parts = utt.split("/")
    if not utt:
        return "an empty id"
    if utt.startswith("/"):
        return "an id that is an absolute path"
    if any(part in ("", ".", "..") for part in parts):
        return "an id with an empty part, '.' or '..' between slashes"
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in utt):
        return f"an id with a control character ({utt!r})"
    longest = max(len(part.encode("utf-8", "surrogatepass")) for part in parts)
    if longest > MOST_BYTES:
        return f"an id with {longest} bytes between slashes"
    return ""


def id_clashes(utts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of ids where one needs a folder and the other a file of one name.

    ``a`` is written to the file ``a.wav``, and ``a.wav/b`` needs a folder ``a.wav``.
    """
    files = {utt + suffix: utt for utt in utts for suffix in SUFFIXES}
    for utt in utts:
        parts = utt.split("/")
        for n in range(1, len(parts)):
            if (other := files.get("/".join(parts[:n]))) is not None:
                yield utt, other


def check_ids(utts: Collection[str], where: str) -> None:
    """Refuse ids that cannot be file names.

    Args:
        utts: all ids of a list.
        where: name of the list in the message.

    Raises:
        UserError: naming the ids.
    """
    bad = [f"'{utt}': {why}" for utt in utts if (why := id_problem(utt))]
    bad += [f"'{one}' and '{two}' need one name" for one, two in id_clashes(utts)]
    if bad:
        more = f"; and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise UserError(
            f"{where}: found {len(bad)} ids that cannot be file names: "
            f"{'; '.join(bad[:5])}{more}; expected {VALID_ID}; {DO}."
        )


class OutputFolder:
    """A folder for files named after ids.

    Args:
        folder: the folder; the writer of the first file makes it.
        inputs: audio that must not be overwritten (``archive.ark:5``: the archive).
    """

    def __init__(
        self, folder: str | os.PathLike[str], inputs: Iterable[str] = ()
    ) -> None:
        self.folder = Path(folder)
        self._inputs = {os.path.realpath(_file_of(source)) for source in inputs}

    def path(self, utt: str, suffix: str) -> Path:
        """Return the file of ``utt``; ``suffix`` includes the dot.

        Raises:
            UserError: if the id cannot be a file name, or its file is an input or,
                through a link, outside the folder.
        """
        if why := id_problem(utt):
            raise UserError(f"'{utt}': found {why}; expected {VALID_ID}; {DO}.")
        path = self.folder / f"{utt}{suffix}"
        real = os.path.realpath(path)
        if not real.startswith(os.path.realpath(self.folder) + os.sep):
            raise UserError(
                f"'{utt}': found {path}, which a link leads out of {self.folder}; "
                "expected a file within; remove the link."
            )
        if real in self._inputs:
            raise UserError(
                f"'{utt}': found {path} among the audio that is read; expected other "
                "files than those to be written; choose another output directory."
            )
        return path


def _file_of(source: str) -> str:
    stem, _, offset = source.rpartition(".ark:")
    return f"{stem}.ark" if stem and offset.isdigit() else source


def safe_id(*parts: str) -> str:
    """Join parts into an id without spaces, slashes or other trouble."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", "-".join(parts)).strip("_")
