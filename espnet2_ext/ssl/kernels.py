"""Convolution and group norm of frozen upstreams, fast on a CPU.

Shapes: B batch, C or D channels, T samples, F frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from espnet2_ext.torch_utils.frames import frame_mask


def conv_channels_last(x: Tensor, conv: nn.Conv1d) -> Tensor:
    """Apply a convolution with the channels innermost in memory.

    The backward to the input of a strided convolution then takes half the time on a
    CPU; the values are those of ``conv(x)``.

    Args:
        x: (B, C, T); conv: one without padding, dilation or groups.

    Returns:
        (B, D, F), of memory layout (B, F, D).
    """
    (width,), (stride,) = conv.kernel_size, conv.stride
    if x.size(1) == 1:  # the waveform: a product with its overlapping frames
        frames = x[:, 0].unfold(1, width, stride)
        return F.linear(frames, conv.weight[:, 0], conv.bias).transpose(1, 2)
    weight = conv.weight.unsqueeze(2).contiguous(memory_format=torch.channels_last)
    return F.conv2d(x.unsqueeze(2), weight, conv.bias, (1, stride)).squeeze(2)


class ChannelNormGelu(torch.autograd.Function):
    """GELU of a frozen ``GroupNorm`` with one group a channel, channels innermost.

    Values and gradient are PyTorch's, in about half the time on a CPU: it goes through
    the frames in pieces that fit the cache, and keeps nothing but its input. With
    ``frames`` (B,) the statistics of an utterance are those of its own first frames,
    where PyTorch's are those of all frames of the batch, padding included.
    """

    PIECE = 256  # frames

    @staticmethod
    def pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
        """Split (B, C, F) tensors along the frames; on a GPU there is one piece."""
        cpu = tensors[0].device.type == "cpu"
        size = ChannelNormGelu.PIECE if cpu else tensors[0].size(2)
        return zip(*(tensor.split(size, dim=2) for tensor in tensors), strict=True)

    @staticmethod
    def masks(x: Tensor, frames: Tensor | None) -> list[Tensor | None]:
        """Give 1 for valid frames, (B, 1, f), of each piece; None: all are valid."""
        if frames is None:
            return [None for _ in ChannelNormGelu.pieces(x)]
        mask = frame_mask(frames, x.size(2)).unsqueeze(1)
        shortest, start, masks = int(frames.min()), 0, []
        for (part,) in ChannelNormGelu.pieces(mask):
            start += part.size(2)
            masks.append(None if start <= shortest else part.to(x.dtype))
        return masks

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, norm: nn.GroupNorm, frames: Tensor | None = None
    ) -> Tensor:
        """Compute y = gelu((x - mean) / s * weight + bias) of (B, C, F); s over F.

        Written as y = gelu(scale * x + shift). ``frames`` (B,) are the valid ones.
        """
        pieces, masks = ChannelNormGelu.pieces, ChannelNormGelu.masks(x, frames)
        count = x.size(2) if frames is None else frames.to(x.dtype)[:, None, None]
        total = x.new_zeros(*x.shape[:2], 1)
        for (part,), mask in zip(pieces(x), masks, strict=True):
            total += _masked(part, mask).sum(dim=2, keepdim=True)
        mean, squares = total / count, torch.zeros_like(total)
        for (part,), mask in zip(pieces(x), masks, strict=True):
            centred = _masked(part - mean, mask)
            squares += centred.square_().sum(dim=2, keepdim=True)
        rstd = (squares / count + norm.eps).rsqrt_()
        scale = rstd * norm.weight[:, None]
        shift = norm.bias[:, None] - mean * scale
        y = torch.empty_like(x)
        for part, out in pieces(x, y):
            torch.ops.aten.gelu.out(torch.addcmul(shift, part, scale), out=out)
        ctx.save_for_backward(x, mean, rstd, scale, shift)
        ctx.masks, ctx.count = masks, count
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Compute dx = scale * (g - mean(g) - n * mean(g * n)), g = gelu' * grad.

        With n = (x - mean) / s, the input normalised; mean() is over valid frames. A
        frame that is not valid has no part in the statistics: dx = scale * g there.
        """
        x, mean, rstd, scale, shift = ctx.saved_tensors
        pieces, g = ChannelNormGelu.pieces, torch.empty_like(x)
        sum_g, sum_gx = torch.zeros_like(mean), torch.zeros_like(mean)
        for part, grad_part, out in pieces(x, grad, g):
            normed = torch.addcmul(shift, part, scale)
            torch.ops.aten.gelu_backward.grad_input(grad_part, normed, grad_input=out)
            sum_g += out.sum(dim=2, keepdim=True)
            sum_gx += (out * part).sum(dim=2, keepdim=True)
        mean_g = sum_g / ctx.count
        of_x = -scale * rstd.square() * (sum_gx / ctx.count - mean * mean_g)
        rest = -scale * mean_g - of_x * mean
        # dx = scale * g + of_x * x + rest, the last two through the statistics
        for (part, out), mask in zip(pieces(x, g), ctx.masks, strict=True):
            if mask is None:
                out.mul_(scale).addcmul_(part, of_x).add_(rest)
            else:
                out.mul_(scale).addcmul_(torch.addcmul(rest, part, of_x), mask)
        return g, None, None


def _masked(part: Tensor, mask: Tensor | None) -> Tensor:
    return part if mask is None else part * mask
