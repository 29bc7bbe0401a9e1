"""Where a corpus comes from, and how it is laid out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Corpus:
    """A corpus that users fetch themselves.

    Attributes:
        name: of its module here.
        title: as its makers call it.
        variable: its folder in a recipe's ``db.sh``.
        source: where it comes from.
        layout: what is expected under the folder.
        tasks: names of the SUPERB tasks that it serves.
    """

    name: str
    title: str
    variable: str
    source: str
    layout: tuple[str, ...]
    tasks: tuple[str, ...] = ()

    def help_text(self) -> str:
        """Say what should be there and where to get it; part of every error."""
        expected = "\n".join(f"    {line}" for line in self.layout)
        return (
            f"expected {self.title} in the folder that {self.variable} of db.sh "
            f"names, laid out as\n{expected}\nIt comes from {self.source}"
        )
