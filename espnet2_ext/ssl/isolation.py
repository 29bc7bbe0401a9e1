"""Loading and running a model as if the caller had set nothing, and leaving no trace.

A loss loads its upstream at first use, wherever that is: in ``inference_mode`` of a
sanity check, under autocast, with another default dtype. Weights made there would be
other weights, or none that a gradient can pass. And an upstream that draws (weights
that its checkpoint then replaces, dither, layer drop) would move the random state on:
a system with the loss would draw other crops than one without.

Defaults of torch are those of the process. A thread that makes tensors of no given
dtype while another loads may see the usual ones for that moment.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

# one for all: what is put back must be what was there before the first
LOCK = threading.RLock()


@contextmanager
def own_random_state(device: torch.device | None = None) -> Iterator[None]:
    """Give the body random states of its own, always the same ones.

    Those of torch, numpy and Python are put back afterwards, also those of a GPU.

    Args:
        device: the GPU that the body works on; None for all that are in use.
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()
    generators = [torch.default_generator, *_gpu_generators(device)]
    states = [generator.get_state() for generator in generators]
    for generator in generators:
        # not torch.manual_seed: it would seed GPUs that are not in use yet
        generator.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        np.random.set_state(numpy_state)
        random.setstate(python_state)


def _gpu_generators(device: torch.device | None) -> list[torch.Generator]:
    if not (torch.cuda.is_available() and torch.cuda.is_initialized()):
        return []
    if device is None:
        return list(torch.cuda.default_generators)
    if device.type != "cuda":
        return []
    index = torch.cuda.current_device() if device.index is None else device.index
    return [torch.cuda.default_generators[index]]


@contextmanager
def usual_defaults(device: torch.device) -> Iterator[None]:
    """Make new tensors float32 and on ``device`` where nothing else is said."""
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(dtype)


@contextmanager
def own_conditions() -> Iterator[None]:
    """Run the body as in a fresh process, whatever the caller's modes are.

    Those are gradients, inference, autocast, anomaly detection, deterministic
    algorithms, default dtype and device, and the random states.
    """
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    with LOCK, ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.is_anomaly_enabled():
            stack.enter_context(torch.autograd.set_detect_anomaly(False))
        stack.enter_context(usual_defaults(torch.device("cpu")))
        stack.enter_context(own_random_state())
        torch.use_deterministic_algorithms(False)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)


@contextmanager
def forward_conditions(device: torch.device, draws: bool) -> Iterator[None]:
    """Run a forward pass with the usual defaults, and random states of its own.

    Args:
        device: where it runs.
        draws: whether it may draw; looking after the states takes 0.1 ms.
    """
    with ExitStack() as stack:
        default = torch.get_default_device()
        other_device = default.type not in ("cpu", device.type)
        if torch.get_default_dtype() != torch.float32 or other_device:
            stack.enter_context(usual_defaults(device))
        if draws:
            stack.enter_context(own_random_state(device))
        yield
