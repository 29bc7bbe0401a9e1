"""What a corpus lacks, collected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.corpora.description import Corpus
from espnet2_ext.data.problems import Place, Problem, in_groups
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import PathLike

SHOWN = 20  # problems of a kind and file in a message; the rest is counted


class Pieces:
    """Collects what is missing or damaged under the folder of a corpus.

    Args:
        corpus: for messages.
        root: its folder.

    Raises:
        UserError: if the folder itself is not there.
    """

    def __init__(self, corpus: Corpus, root: PathLike) -> None:
        self.corpus = corpus
        self.root = Path(os.path.abspath(os.path.expanduser(root)))
        self.problems: list[Problem] = []
        if not self.root.is_dir():
            raise UserError(f"{root}: no such folder; {corpus.help_text()}")

    def add(
        self, path: PathLike, found: str, expected: str, line: int = 0, utt: str = "-"
    ) -> None:
        """Note one problem.

        Args:
            path: file or folder it was found in.
            found: what is wrong; problems of the same words are counted together.
            expected: what should be there.
            line: 1-based, 0 for the whole.
            utt: utterance id.
        """
        do = "unpack it again, or correct the path in db.sh"
        kind = found.split("'")[0].strip()
        place = Place(str(path), line, utt)
        self.problems.append(place.problem(kind, found=found, expected=expected, do=do))

    def missing(self, path: PathLike, found: str = "nothing here") -> None:
        """Note a file or folder that is not there."""
        self.add(path, found, "a part of the corpus")

    def file(self, *parts: str) -> Path:
        """Give a file under the root; noted if it is not there or empty."""
        path = self.root.joinpath(*parts)
        if not path.is_file() or path.stat().st_size == 0:
            self.missing(path, "no such file, or an empty one")
        return path

    def folder(self, *parts: str, holds: str = "*") -> Path:
        """Give a folder under the root; noted if nothing in it matches ``holds``."""
        path = self.root.joinpath(*parts)
        if not path.is_dir():
            self.missing(path, "no such folder")
        elif next(path.glob(holds), None) is None:
            self.missing(path, f"no {holds} in the folder")
        return path

    def require(self) -> None:
        """Stop if anything was noted.

        Raises:
            UserError: with every problem and where the corpus comes from.
        """
        if not self.problems:
            return
        lines = "\n".join(in_groups(self.problems, SHOWN))
        raise UserError(
            f"{self.corpus.title} in {self.root} has {len(self.problems)} problems:\n"
            f"{lines}\n{self.corpus.help_text()}"
        )


def read_lines(path: Path, pieces: Pieces) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of a list; undecodable files become a problem.

    Args:
        path: a text file; nothing is yielded if it is not there (`Pieces.file`).
        pieces: where problems go.
    """
    if not path.is_file():
        return
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        pieces.add(path, f"bytes that are not UTF-8 ({error.reason})", "UTF-8 text")
        return
    yield from enumerate(lines, start=1)
