"""A training without a batch, which ESPnet ends with exit code 0 and a model."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from espnet2.fileio.read_text import load_num_sequence_text

from espnet2_ext.errors import UserError


def describe_batches(args: argparse.Namespace) -> str:
    """Say how many utterances there are, how long, and what makes batches of them."""
    # every file is about the same utterances; the first axis is the length
    files = [Path(file) for file in args.train_shape_file[:1] if Path(file).is_file()]
    shapes = [load_num_sequence_text(file).values() for file in files]
    lengths = [int(shape[0]) for of_file in shapes for shape in of_file]
    if not lengths:
        return "found no batch in an epoch of training, and no utterance"
    text = (
        f"found no batch in an epoch of training; there are {len(lengths)} utterances, "
        f"the longest of {max(lengths)} samples"
    )
    if args.iterator_type != "chunk":
        return f"{text}; batch_type {args.batch_type}, batch_size {args.batch_size}"
    shortest = min(map(int, re.findall(r"[0-9]+", str(args.chunk_length))))
    chunks = sum(n // shortest for n in lengths if n > shortest)
    return (
        f"{text}; they hold about {chunks} chunks of {shortest} samples "
        f"(chunk_length), and a batch needs {args.batch_size} (batch_size)"
    )


def refuse_no_batch(batches: int, options: Any) -> None:
    """Stop after an epoch without a batch.

    Args:
        batches: how many there were, in all processes.
        options: of the trainer, with ``batches_described``.

    Raises:
        UserError: if there was none.
    """
    if batches == 0:
        raise UserError(
            f"{options.batches_described}; expected at least one batch; lower "
            "batch_size or chunk_length, or give more data."
        )
