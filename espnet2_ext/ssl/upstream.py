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

from collections.abc import Collection
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.batches import check_lengths, check_waveforms
from espnet2_ext.checks import UPSTREAM_FS, flag, sampling_rate
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.blocks import MIN_SAMPLES, HookedStack, States
from espnet2_ext.ssl.isolation import forward_conditions, own_conditions
from espnet2_ext.ssl.layers import CONV, Layer, LayerWeights
from espnet2_ext.ssl.loading import (
    WHISPER_ENTRIES,
    check_upstream,
    has_conv_features,
)
from espnet2_ext.ssl.memo import states_of
from espnet2_ext.ssl.recompute import keep, recompute
from espnet2_ext.ssl.shared import shared_stack
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.torch_utils.frames import frame_mask


class Features(NamedTuple):
    """The layers a loss looks at."""

    layers: dict[Layer, Tensor]  # (B, F, D) each
    lengths: Tensor  # (B,), valid frames


def _depth(layers: Collection[Layer]) -> int:
    return max(-1 if isinstance(layer, str) else layer for layer in layers)


class FrozenUpstream:
    """Features of a frozen upstream, differentiable with respect to the waveform.

    Args:
        upstream: which one; a bare name stands for ``UpstreamSpec(name)``.
        layers: which layers to return; see ``espnet2_ext.ssl.layers``.
        fs: sampling rate of the waveforms in Hz, 1000 to 384000; others than 16000 are
            resampled.
        activation_checkpointing: compute the inside of each block again in the
            backward pass, for a third of the memory and a third more time.

    Raises:
        UserError: see ``check_upstream``; a malformed ``layers``, or ``conv`` where
            there is none; a bad ``fs``; ``exact_padding: false`` with Whisper, which
            s3prl does not have.
    """

    def __init__(
        self,
        upstream: str | UpstreamSpec,
        *,
        layers: object = "all",
        fs: int = UPSTREAM_FS,
        activation_checkpointing: bool = False,
    ) -> None:
        self._call = (
            recompute
            if flag("activation_checkpointing", activation_checkpointing)
            else keep
        )
        spec = UpstreamSpec.of(upstream)
        check_upstream(spec)  # names the path as the user wrote it
        self.spec = spec.absolute()
        self.fs = sampling_rate("fs", fs)
        if not self.spec.exact_padding and self.spec.upstream in WHISPER_ENTRIES:
            raise UserError(
                f"exact_padding: found false with '{self.spec.upstream}', expected an "
                "upstream of s3prl: there is no other Whisper to be like; remove it."
            )
        self.layers = LayerWeights(layers)
        if self.layers.needs_conv:
            self.layers.require_conv(has_conv_features(self.spec.upstream))
        self._share()

    def _share(self) -> None:
        self._shared = shared_stack(self.spec)
        self._weights: dict[Layer, float] | None = None

    def __deepcopy__(self, memo: dict) -> FrozenUpstream:
        return self  # frozen, and s3prl's hooks do not survive a copy

    def __getstate__(self) -> dict[str, Any]:
        """Give the arguments: the weights are read anew, where they are needed."""
        return {**self.__dict__, "_shared": None, "_weights": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # without the checks: a model may be read where its upstream is not needed
        self.__dict__.update(state)
        self._share()

    def load(self) -> FrozenUpstream:
        """Load the weights now, check the layers, and prove the gradient path.

        Raises:
            UserError: if the checkpoint cannot be read, a layer is out of range, or
                no gradient reaches the waveform.
        """
        if self._weights is None:
            stack = self._shared.on(self._shared.device())
            if self._call is recompute and isinstance(stack, HookedStack):
                raise UserError(
                    "activation_checkpointing: found true with "
                    f"'{self.spec.upstream}', which runs by s3prl's own forward pass, "
                    "in one piece; expected an upstream of the families wav2vec2, "
                    "hubert, wavlm, data2vec, unispeech_sat or whisper; remove it."
                )
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
                f"upstream '{self.spec.upstream}' has a frame every {stride} samples "
                f"at {UPSTREAM_FS} Hz, no whole number of samples at {self.fs} Hz; use "
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
                f"upstream '{self.spec.upstream}' lets no gradient through to the "
                "waveform, so it cannot serve as a loss; choose a differentiable one, "
                "such as wavlm_base_plus, hubert_base or whisper_tiny_en."
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
        def for_all() -> States:
            deepest = max(depth, self._shared.depth(apart_from=self))
            return self._run(wav, lengths, deepest)

        return states_of(
            (self.spec.weights_key(), self.fs, self.spec.exact_padding),
            wav,
            lengths,
            depth,
            alone=lambda: self._run(wav, lengths, depth),
            for_all=for_all,
        )

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
            return stack.run(wav, lengths, depth, self.spec.exact_padding, self._call)
