"""A training without a batch, which ESPnet ends with exit code 0 and a model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError


def describe_batches(args: argparse.Namespace) -> str:
    """Say how many utterances there are, how long, and what makes batches of them."""
    found = [int(n) for file in args.train_shape_file for n in _lengths(Path(file))]
    if not found:
        return "found no batch in an epoch of training, and no utterance"
    text = (
        f"found no batch in an epoch of training; there are {len(found)} utterances, "
        f"the longest of {max(found)} samples"
    )
    if args.iterator_type != "chunk":
        return f"{text}; batch_type {args.batch_type}, batch_size {args.batch_size}"
    lengths = [int(n) for n in str(args.chunk_length).replace("-", ",").split(",")]
    chunks = sum(max(0, n // min(lengths)) for n in found if n > min(lengths))
    return (
        f"{text}; they hold about {chunks} chunks of {min(lengths)} samples "
        f"(chunk_length), and a batch needs {args.batch_size} (batch_size)"
    )


def _lengths(file: Path) -> list[str]:
    """Read the lengths of a shape file's first axis: ``utt1 32000,1``."""
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.split()[1].split(",")[0] for line in lines if len(line.split()) > 1]


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
