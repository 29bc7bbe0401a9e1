"""From a corpus to the rows of a task's manifests."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from espnet2_ext.corpora.pieces import Pieces
from espnet2_ext.errors import UserError
from espnet2_ext.superb.corpora.registry import Options, Splits, corpus_of


def build_splits(task: str, root: str | Path, options: Options) -> Splits:
    """Parse the corpus of ``task`` into the rows of its CSV manifests.

    Args:
        task: e.g. "ks".
        root: folder of the corpus; "" or a folder that is not there is an error
            that says where the corpus comes from.
        options: see `Options`.

    Returns:
        {"train": rows, "valid": rows, "test": rows}; asv has no "valid".

    Raises:
        UserError: listing everything that is missing or damaged.
    """
    options.check()
    corpus = corpus_of(task)
    if not str(root):
        raise UserError(
            f"{task}: {corpus.variable} of db.sh is empty; {corpus.help_text()}"
        )
    pieces = Pieces(corpus, root)
    module: Any = importlib.import_module(f"{__package__}.{corpus.name}")
    splits = module.build(task, pieces.root, options, pieces)
    for name, rows in splits.items():
        if not rows:
            pieces.missing(pieces.root, f"no utterance for the {name} set of {task}")
    pieces.require()
    return splits
