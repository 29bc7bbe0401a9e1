"""Hook-free forward passes through upstreams with a known inside.

s3prl collects hidden states with forward hooks: it always runs to the last block,
and its list of hooks is shared by all threads. A *stack* runs the same modules block
by block instead, and stops at the highest layer that is wanted.

The interface of a stack: ``num_states``, ``has_conv``, ``stride`` (samples per frame),
and ``run(wav (B, T), lengths (B,), depth, exact, call) -> (conv, states,
frame_lengths)``, where ``depth`` -1 asks for the convolutional features only. ``exact``
gives every utterance of a padded batch what it has alone. Models were pre-trained on
crops without padding, and s3prl, fairseq and transformers let it count: in the group
norm of the first convolution, and between the positional convolutions of data2vec.
``call`` runs a block (``espnet2_ext.ssl.recompute``).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from espnet2_ext.ssl.kernels import ChannelNormGelu, conv_channels_last
from espnet2_ext.ssl.recompute import Call, keep
from espnet2_ext.torch_utils.frames import frame_mask, zero_padding

MIN_SAMPLES = 1600  # the shortest input that every upstream of s3prl takes


class States(NamedTuple):
    """Hidden states of one forward pass."""

    conv: Tensor | None  # (B, F, C), None where the upstream has none
    hidden: list[Tensor]  # (B, F, D) each: layers 0 to depth
    lengths: Tensor  # (B,), valid frames


class Stack(Protocol):
    """What ``FrozenUpstream`` asks of an upstream."""

    num_states: int
    has_conv: bool
    stride: int

    def run(
        self,
        wav: Tensor,
        lengths: Tensor,
        depth: int,
        exact: bool = True,
        call: Call = keep,
    ) -> States:
        """Compute layers 0 to ``depth`` of ``wav`` (B, T) with ``lengths`` (B,)."""
        ...


def normalize_wav(wav: Tensor, lengths: Tensor) -> Tensor:
    """Give each utterance zero mean and unit variance over its valid samples.

    Args:
        wav: (B, T); lengths: (B,) valid samples. The padding stays zero.
    """
    rows = [
        F.pad(F.layer_norm(row[:n], (n,)), (0, len(row) - n))
        for row, n in zip(wav, lengths.tolist(), strict=True)
    ]
    return torch.stack(rows)


class ConvTransformerStack:
    """WavLM, HuBERT, wav2vec 2.0, data2vec and UniSpeech-SAT of s3prl.

    Args:
        expert: s3prl's ``UpstreamExpert`` of one of these families.
        normalize: whether the waveform is normalised (the checkpoint's own setting).
    """

    has_conv = True

    def __init__(self, expert: Any, normalize: bool) -> None:
        self.model = expert.model
        self.normalize = normalize
        self.num_states = len(self.model.encoder.layers) + 1
        self._convs = [
            (block[0].kernel_size[0], block[0].stride[0])
            for block in self.model.feature_extractor.conv_layers
        ]
        self.stride = math.prod(stride for _, stride in self._convs)

    def frame_lengths(self, lengths: Tensor, convs: int | None = None) -> Tensor:
        """Count the frames of utterances after so many ``convs``; None: after all.

        Those that hear nothing behind the end of their (B,) samples; at least 1.
        """
        for kernel, stride in self._convs[:convs]:
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
        return lengths.clamp_min(1)

    def run(
        self,
        wav: Tensor,
        lengths: Tensor,
        depth: int,
        exact: bool = True,
        call: Call = keep,
    ) -> States:
        """Compute the states; see the module's docstring."""
        model = self.model
        padded = bool((lengths < wav.size(1)).any())
        if self.normalize:
            wav = normalize_wav(wav, lengths)
        conv = self._convolve(wav, lengths if padded and exact else None, call)
        conv, frames = conv.transpose(1, 2), self.frame_lengths(lengths)
        if depth < 0:
            return States(conv, [], frames)
        x = model.layer_norm(conv)
        if model.post_extract_proj is not None:
            x = model.post_extract_proj(x)
        valid = frame_mask(frames, x.size(1))
        if not exact:
            valid = self._s3prl_mask(valid, lengths, wav)
        x = zero_padding(x, valid)
        hidden = self._blocks(x, valid, depth, padded and exact, call)
        return States(conv, hidden, frames)

    def _s3prl_mask(self, valid: Tensor, lengths: Tensor, wav: Tensor) -> Tensor:
        """Mark the frames that s3prl attends to: in some families more than heard."""
        if not hasattr(self.model, "forward_padding_mask"):
            return valid
        padding = ~frame_mask(lengths, wav.size(1))
        return ~self.model.forward_padding_mask(valid, padding)

    def _convolve(self, wav: Tensor, lengths: Tensor | None, call: Call) -> Tensor:
        """Give (B, C, F); with ``lengths`` a norm over time is over valid frames."""
        x = wav.unsqueeze(1)
        for n, block in enumerate(self.model.feature_extractor.conv_layers):
            frames = None if lengths is None else self.frame_lengths(lengths, n + 1)
            x = call(self._convolve_once, x, block, frames)
        return x

    def _convolve_once(self, x: Tensor, block: Any, frames: Tensor | None) -> Tensor:
        conv, *others = block
        x = conv_channels_last(x, conv)
        if isinstance(others[-2], nn.GroupNorm):  # dropout, norm, GELU
            return self._norm_gelu(x, others[-2], frames)
        for module in others:
            x = module(x)
        return x

    @staticmethod
    def _norm_gelu(x: Tensor, norm: nn.GroupNorm, frames: Tensor | None) -> Tensor:
        if x.requires_grad or frames is not None:
            return ChannelNormGelu.apply(x.float(), norm, frames).type_as(x)
        x = norm(x.unsqueeze(2)).squeeze(2)  # keeps the layout in 4-D only
        return F.gelu(x)

    def _positions(self, x: Tensor, valid: Tensor) -> Tensor:
        """Apply the positional convolutions to (B, F, D) as to each utterance alone."""
        convs = self.model.encoder.pos_conv
        if isinstance(convs[0], nn.Conv1d):
            return convs(x.transpose(1, 2)).transpose(1, 2)
        for (
            block
        ) in convs:  # data2vec stacks several, and each makes of silence a sound
            x = zero_padding(x, valid)
            x = block(x.transpose(1, 2)).transpose(1, 2)
        return x

    def _blocks(
        self, x: Tensor, valid: Tensor, depth: int, exact: bool, call: Call
    ) -> list[Tensor]:
        encoder = self.model.encoder
        if exact:
            x = x + self._positions(x, valid)
        else:
            x = x + encoder.pos_conv(x.transpose(1, 2)).transpose(1, 2)
        if not encoder.layer_norm_first:
            x = encoder.layer_norm(x)
        hidden = [x]
        padding = None if bool(valid.all()) else ~valid
        x = x.transpose(0, 1)  # (F, B, D), the order of these blocks
        relative: dict[str, Tensor] = {}  # WavLM hands its bias from block to block
        for layer in encoder.layers[:depth]:
            x, *rest = call(layer, x, self_attn_padding_mask=padding, **relative)
            if len(rest) == 2:
                relative = {"pos_bias": rest[1]}
            hidden.append(x.transpose(0, 1))
        if encoder.layer_norm_first and depth == len(encoder.layers):
            hidden[-1] = encoder.layer_norm(hidden[-1])
        return hidden


class HookedStack:
    """Any other s3prl upstream, through its own forward pass and hooks.

    The expert is called directly: ``S3PRLUpstream`` would repeat the last frame up to
    ceil(T / stride) and fails on inputs of 961 to 1039 samples.

    Args:
        expert: s3prl's ``UpstreamExpert``.
        num_states: the number of its hidden states.
        stride: samples per frame.
    """

    has_conv = False

    def __init__(self, expert: Any, num_states: int, stride: int) -> None:
        self.expert = expert
        self.num_states = num_states
        self.stride = stride

    def run(
        self,
        wav: Tensor,
        lengths: Tensor,
        depth: int,
        exact: bool = True,
        call: Call = keep,
    ) -> States:
        """Compute the states; s3prl always runs to the end, in one piece."""
        if not exact:
            return self._run_together(wav, lengths, depth)
        found: list[list[Tensor]] = [[] for _ in range(len(wav))]
        for length in lengths.unique().tolist():  # nothing is padded within a group
            rows = (lengths == length).nonzero().flatten()
            states = self._states(wav[rows], [length] * len(rows), depth)
            for n, row in enumerate(rows.tolist()):
                found[row] = [state[n] for state in states]
        layers = zip(*found, strict=True)
        hidden = [pad_sequence(list(layer), batch_first=True) for layer in layers]
        frames = lengths.new_tensor([len(states[0]) for states in found])
        return States(None, hidden, self._valid(lengths, frames))

    def _run_together(self, wav: Tensor, lengths: Tensor, depth: int) -> States:
        hidden = self._states(wav, lengths.tolist(), depth)
        frames = hidden[0].size(1)
        counts = torch.div(lengths, self.stride, rounding_mode="floor")
        return States(None, hidden, counts.clamp(1, frames))

    def _states(self, wav: Tensor, lengths: list[int], depth: int) -> list[Tensor]:
        """Compute (B, F, D) a layer of rows that s3prl pads by itself."""
        shortest = min(MIN_SAMPLES, wav.size(1))
        rows = [row[: max(n, shortest)] for row, n in zip(wav, lengths, strict=True)]
        states = self.expert(rows)["hidden_states"][: depth + 1]
        frames = min(state.size(1) for state in states)
        return [state[:, :frames] for state in states]

    def _valid(self, lengths: Tensor, frames: Tensor) -> Tensor:
        """Count valid frames: all that an utterance gave, if it was long enough."""
        of_short = torch.div(lengths, self.stride, rounding_mode="floor").clamp_min(1)
        return torch.where(
            lengths < MIN_SAMPLES, torch.minimum(of_short, frames), frames
        )
