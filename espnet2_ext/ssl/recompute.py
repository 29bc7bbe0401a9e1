"""Activation checkpointing: the inside of a block is computed again for the gradient.

An upstream of the size of WavLM Large keeps gigabytes of activations for the gradient
to the waveform. With it, a block keeps its input alone, for a second forward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils.checkpoint import checkpoint

Call = Callable[..., Any]  # (block, input, ...) -> what the block gives


def keep(block: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Run a block; its activations are kept for the backward pass."""
    return block(x, *args, **kwargs)


def recompute(block: Callable[..., Any], x: Tensor, *args: Any, **kwargs: Any) -> Any:
    """Run a block; its activations are computed again in the backward pass.

    Nothing is drawn in a block, so gradients are the same.

    Args:
        block: a function of ``x`` and further arguments.
        x: its input, of which a gradient may be wanted.
        args, kwargs: further arguments.
    """
    if not x.requires_grad:
        return block(x, *args, **kwargs)
    return checkpoint(
        block, x, *args, use_reentrant=False, preserve_rng_state=False, **kwargs
    )
