"""A frozen s3prl upstream through which gradients reach the waveform.

What it guarantees, each point with a test:

1. The gradient reaches the waveform; proven once when the weights are loaded.
2. Frozen: no parameter gets a gradient, and dropout is off for good.
3. Not a ``torch.nn.Module``: never in a checkpoint, an optimizer or DDP. It follows
   the device of its input, and loads at first use: whatever the modes of that caller,
   and without a draw from the random state. A pickle or copy holds the arguments only.
4. Padding never counts: an utterance of a padded batch has the features and the
   gradient that it has alone (``exact_padding``).
5. It stops at the highest layer in use, and runs without hooks where it can.
6. What s3prl would silently ignore is refused.
7. Other sampling rates are resampled, differentiably.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espnet2_ext.batches import check_lengths, check_waveforms
from espnet2_ext.checks import flag, optional_mapping, optional_path, sampling_rate
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.blocks import (
    MIN_SAMPLES,
    HookedStack,
    Stack,
    States,
)
from espnet2_ext.ssl.isolation import forward_conditions, own_conditions
from espnet2_ext.ssl.layers import CONV, Layer, LayerWeights
from espnet2_ext.ssl.loading import (
    UPSTREAM_FS,
    WHISPER_ENTRIES,
    build_upstream,
    check_upstream,
    has_conv_features,
)
from espnet2_ext.torch_utils.frames import frame_mask


class Features(NamedTuple):
    """The layers a loss looks at."""

    layers: dict[Layer, Tensor]  # (B, F, D) each
    lengths: Tensor  # (B,), valid frames


class _SharedStack:
    """The one copy of an upstream in this process, on each device that asked."""

    def __init__(self, name: str, options: dict) -> None:
        self.name, self.options = name, options
        self.users: weakref.WeakSet[FrozenUpstream] = weakref.WeakSet()
        self._copies: dict[torch.device, tuple[nn.Module, Stack]] = {}

    def on(self, device: torch.device) -> Stack:
        """Give the stack on ``device``; a copy that waits on the CPU moves there."""
        if device not in self._copies:
            with own_conditions():  # one thread at a time
                if device not in self._copies:
                    spare = self._copies.pop(torch.device("cpu"), None)
                    module, stack = spare or build_upstream(self.name, self.options)
                    self._copies[device] = (module.to(device), stack)
        return self._copies[device][1]

    def device(self) -> torch.device:
        """Where a copy is already; the CPU if there is none."""
        return next(iter(self._copies), torch.device("cpu"))

    def depth(self, apart_from: FrozenUpstream) -> int:
        """The highest layer that any other user may want; -1 without others."""
        others = [user.depth for user in self.users if user is not apart_from]
        return max(others, default=-1)


_STACKS: weakref.WeakValueDictionary[str, _SharedStack] = weakref.WeakValueDictionary()


class _Sharing(threading.local):
    """Forward passes of the current training step, or None outside of one."""

    memo: dict[tuple, tuple[Tensor, States]] | None = None


_SHARING = _Sharing()


@contextmanager
def shared_forwards() -> Iterator[None]:
    """Let losses on the same upstream and the same signal share one forward pass.

    For the span of one training step: the graph is shared, so one backward is due.
    """
    before, _SHARING.memo = _SHARING.memo, {}
    try:
        yield
    finally:
        _SHARING.memo = before


def _depth(layers: Collection[Layer]) -> int:
    return max(-1 if isinstance(layer, str) else layer for layer in layers)


class FrozenUpstream:
    """Features of a frozen upstream, differentiable with respect to the waveform.

    Args:
        upstream: an s3prl upstream name, or ``whisper_local`` / ``whisper_tiny_en``.
        path_or_url: checkpoint of a ``*_local``, ``*_custom`` or ``*_url`` upstream.
        download_dir: where s3prl keeps what it downloads.
        extra_conf: further arguments of the s3prl hub entry.
        layers: which layers to return; see ``espnet2_ext.ssl.layers``.
        fs: sampling rate of the waveforms in Hz, 1000 to 384000; others than 16000 are
            resampled.
        exact_padding: False lets padding count as it does in s3prl, for those who
            compare with it: in the group norm of HuBERT, wav2vec 2.0 and WavLM *base*,
            between the positional convolutions of data2vec, and wherever an upstream
            that runs by s3prl's own forward pass pads.

    Raises:
        UserError: see ``check_upstream``; a malformed ``layers``, or ``conv`` where
            there is none; a bad ``fs``; ``exact_padding: false`` with Whisper, which
            s3prl does not have.
    """

    def __init__(
        self,
        upstream: str,
        path_or_url: str | None = None,
        download_dir: str | None = None,
        extra_conf: dict | None = None,
        layers: object = "all",
        fs: int = UPSTREAM_FS,
        exact_padding: bool = True,
    ) -> None:
        check_upstream(upstream, path_or_url, download_dir, extra_conf)
        path_or_url = optional_path("path_or_url", path_or_url)
        download_dir = optional_path("download_dir", download_dir)
        self.upstream, self.fs = upstream, sampling_rate("fs", fs)
        self.exact_padding = flag("exact_padding", exact_padding)
        if not exact_padding and upstream in WHISPER_ENTRIES:
            raise UserError(
                f"exact_padding: found false with '{upstream}', expected an upstream "
                "of s3prl: there is no other Whisper to be like; remove it."
            )
        self.layers = LayerWeights(layers)
        if self.layers.needs_conv:
            self.layers.require_conv(has_conv_features(upstream))
        options: dict[str, Any] = {
            "path_or_url": path_or_url and os.path.abspath(path_or_url),
            "download_dir": download_dir,
            "extra_conf": optional_mapping("extra_conf", extra_conf),
        }
        if path_or_url and not upstream.endswith("_local"):
            options["path_or_url"] = path_or_url  # may be a URL
        self._key = json.dumps([upstream, options], sort_keys=True)
        self._share(upstream, options)

    def _share(self, upstream: str, options: dict) -> None:
        self._shared = _STACKS.setdefault(self._key, _SharedStack(upstream, options))
        self._weights: dict[Layer, float] | None = None

    def __deepcopy__(self, memo: dict) -> FrozenUpstream:
        return self  # frozen, and s3prl's hooks do not survive a copy

    def __getstate__(self) -> dict[str, Any]:
        """Give the arguments: the weights are read anew, where they are needed."""
        arguments = {**self.__dict__, "_shared": None, "_weights": None}
        return {"arguments": arguments, "options": self._shared.options}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # without the checks: a model may be read where its upstream is not needed
        self.__dict__.update(state["arguments"])
        self._share(self.upstream, state["options"])

    def load(self) -> FrozenUpstream:
        """Load the weights now, check the layers, and prove the gradient path.

        Raises:
            UserError: if the checkpoint cannot be read, a layer is out of range, or
                no gradient reaches the waveform.
        """
        if self._weights is None:
            stack = self._shared.on(self._shared.device())
            self._weights = self.layers.resolve(stack.num_states, stack.has_conv)
            try:
                with own_conditions():
                    self._prove_gradient()
            except UserError:
                self._weights = None  # not loaded: the next use fails as this one
                raise
            self._shared.users.add(self)
        return self

    @property
    def weights(self) -> dict[Layer, float]:
        """Weight of every layer in use; they sum to 1. Loads the upstream."""
        self.load()
        assert self._weights is not None
        return self._weights

    @property
    def depth(self) -> int:
        """The highest Transformer layer in use; -1 for convolutional features only."""
        return _depth(self.weights)

    @property
    def hop(self) -> int:
        """Samples of the waveform, at ``fs`` Hz, per frame. Loads the upstream.

        Raises:
            UserError: if it is not a whole number.
        """
        self.load()
        stride = self._shared.on(self._shared.device()).stride
        samples, rest = divmod(stride * self.fs, UPSTREAM_FS)
        if rest:
            raise UserError(
                f"upstream '{self.upstream}' has a frame every {stride} samples at "
                f"{UPSTREAM_FS} Hz, no whole number of samples at {self.fs} Hz; use "
                "another fs (8000, 16000, 48000), or leave pad_reference out."
            )
        return samples

    def _prove_gradient(self) -> None:
        generator = torch.Generator().manual_seed(0)
        wav = torch.randn(1, UPSTREAM_FS // 2, generator=generator)
        wav = wav.to(self._shared.device()).requires_grad_()
        lengths = torch.tensor([wav.size(1)], device=wav.device)
        with torch.enable_grad():
            states = self._run(wav, lengths, self.depth)
            layers = self._select(states, self.weights)
            energies = [layer.float().square().sum() for layer in layers.values()]
            energy = torch.stack(energies).sum()
        grad = None
        if energy.requires_grad:
            (grad,) = torch.autograd.grad(energy, wav, allow_unused=True)
        if grad is None or not bool(grad.abs().max() > 0):
            raise UserError(
                f"upstream '{self.upstream}' lets no gradient through to the waveform, "
                "so it cannot serve as a loss; choose a differentiable one, such as "
                "wavlm_base_plus, hubert_base or whisper_tiny_en."
            )

    def __call__(
        self,
        wav: Tensor,
        lengths: Tensor | None = None,
        layers: Collection[Layer] | None = None,
    ) -> Features:
        """Compute the layers in use.

        Args:
            wav: waveforms at ``fs`` Hz, (B, T), full scale 1.0, on any device and of
                any floating type; it is cast to float32, differentiably.
            lengths: valid samples, (B,); None means all T.
            layers: only these of the layers in use; None means all of them.

        Returns:
            One (B, F, D) tensor a layer, float32 (or autocast's bfloat16), and the
            number of valid frames, (B,).

        Raises:
            ValueError: if shapes or types do not fit (see ``batches``), or a layer is
                not among those in use.
        """
        wav = check_waveforms("wav", wav)
        lengths = check_lengths(lengths, wav)
        wanted = self.weights if layers is None else layers
        if not wanted or not self.weights.keys() >= set(wanted):
            raise ValueError(
                f"layers: expected some of {list(self.weights)}, found {wanted!r}"
            )
        states = self._states(wav, lengths, _depth(wanted))
        return Features(self._select(states, wanted), states.lengths)

    @staticmethod
    def _select(states: States, wanted: Collection[Layer]) -> dict[Layer, Tensor]:
        layers: dict[Layer, Tensor] = {}
        for layer in wanted:
            state = states.conv if isinstance(layer, str) else states.hidden[layer]
            assert state is not None, f"{CONV} was checked when the layers were"
            layers[layer] = state
        return layers

    def _states(self, wav: Tensor, lengths: Tensor, depth: int) -> States:
        # tensors of inference mode do not tell whether they were changed in place
        if _SHARING.memo is None or wav.is_inference():
            return self._run(wav, lengths, depth)
        grad = torch.is_grad_enabled() and wav.requires_grad
        # the tensor is kept in the memo, so its address stays its own
        signal = (wav.data_ptr(), wav.shape, wav.stride(), wav._version)
        how = (self._key, self.fs, self.exact_padding)
        key = (*how, signal, grad, tuple(lengths.tolist()))
        known = _SHARING.memo.get(key)
        # random layers: a later draw on the same signal may go deeper than this one
        if known is None or len(known[1].hidden) <= depth:
            depth = max(depth, self._shared.depth(apart_from=self))
            known = _SHARING.memo[key] = (wav, self._run(wav, lengths, depth))
        return known[1]

    def _run(self, wav: Tensor, lengths: Tensor, depth: int) -> States:
        # an enhancer may leave something there, which a window or a norm would reach
        wav = torch.where(frame_mask(lengths, wav.size(1)), wav.float(), 0.0)
        if self.fs != UPSTREAM_FS:
            from torchaudio.functional import resample

            wav = resample(wav, self.fs, UPSTREAM_FS)
            lengths = (lengths * UPSTREAM_FS + self.fs - 1) // self.fs
            # the filter rings on behind the end, where an utterance alone is cut
            wav = torch.where(frame_mask(lengths, wav.size(1)), wav, 0.0)
        wav = F.pad(wav, (0, max(0, MIN_SAMPLES - wav.size(1))))
        stack = self._shared.on(wav.device)
        kind = wav.device.type
        half = torch.is_autocast_enabled(kind) and (
            torch.get_autocast_dtype(kind) == torch.float16
        )  # float16 gradients overflow in the convolutions though the loss is finite
        # s3prl draws layer drop and dither in evaluation mode, too
        conditions = forward_conditions(wav.device, isinstance(stack, HookedStack))
        with conditions, torch.autocast(kind, enabled=False) if half else nullcontext():
            return stack.run(wav, lengths, depth, self.exact_padding)
