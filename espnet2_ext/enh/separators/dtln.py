"""DTLN, as a separator that can go on from the public weights."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from espnet2.enh.separator.abs_separator import AbsSeparator
from torch import Tensor, nn
from torch.nn import functional as F

from espnet2_ext.errors import UserError

BLOCK, SHIFT = 512, 128  # samples at 16 kHz: 32 ms and 8 ms
HIDDEN, FEATURES = 128, 256
EPS = 1e-7  # of the normalisation


class Mask(nn.Module):
    """Two LSTM layers and a sigmoid: (B, L, D) features -> (B, L, outputs) gains."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, HIDDEN, num_layers=2, batch_first=True)
        self.dense = nn.Linear(HIDDEN, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Compute the gains."""
        return torch.sigmoid(self.dense(self.lstm(features)[0]))


class DTLNSeparator(AbsSeparator):
    """Dual-signal transformation LSTM network (Westhausen & Meyer, Interspeech 2020).

    The first network masks the magnitude spectrum of each block, the second a learnt
    representation of what is left; blocks overlap by three quarters and are added. One
    million parameters, causal, 16 kHz. Between ``encoder: same`` and ``decoder: same``,
    since it takes and gives waveforms. With ``init_param`` of
    ``espnet2_ext.bin.convert_dtln`` it starts as the public denoiser.

    Args:
        input_dim: of the encoder; 1 with ``encoder: same``.
        num_spk: streams to give; 1.

    Raises:
        UserError: if another encoder or more speakers are asked for.
    """

    def __init__(self, input_dim: int, num_spk: int = 1) -> None:
        super().__init__()
        if input_dim != 1:
            raise UserError(
                f"separator dtln: found an encoder of {input_dim} features; expected "
                "waveforms: encoder: same, decoder: same."
            )
        if num_spk != 1:
            raise UserError(f"separator dtln: found num_spk {num_spk}; expected 1.")
        self.spectral = Mask(BLOCK // 2 + 1, BLOCK // 2 + 1)
        self.analysis = nn.Linear(BLOCK, FEATURES, bias=False)
        self.gain = nn.Parameter(torch.ones(FEATURES))
        self.shift = nn.Parameter(torch.zeros(FEATURES))
        self.learnt = Mask(FEATURES, FEATURES)
        self.synthesis = nn.Linear(FEATURES, BLOCK, bias=False)

    @property
    def num_spk(self) -> int:
        """Streams that it gives."""
        return 1

    def forward(
        self,
        input: Tensor,  # ESPnet's name
        ilens: Tensor,
        additional: dict[str, Any] | None = None,
    ) -> tuple[list[Tensor], Tensor, OrderedDict]:
        """Enhance.

        Args:
            input: waveforms at 16 kHz, (B, T).
            ilens: valid samples, (B,).
            additional: not used.

        Returns:
            One stream, (B, T); ``ilens``; nothing else.
        """
        lead, length = BLOCK - SHIFT, input.size(1)  # each sample is in four blocks
        padded = F.pad(input, (lead, BLOCK + -length % SHIFT))
        made = self.enhance_blocks(padded.unfold(1, BLOCK, SHIFT))
        joined = F.fold(
            made.transpose(1, 2), (1, padded.size(1)), (1, BLOCK), stride=(1, SHIFT)
        )
        return [joined[:, 0, 0, lead : lead + length]], ilens, OrderedDict()

    def enhance_blocks(self, blocks: Tensor) -> Tensor:
        """Enhance blocks of samples, (B, L, 512) -> (B, L, 512)."""
        spectrum = torch.fft.rfft(blocks)
        power = spectrum.real**2 + spectrum.imag**2
        magnitude = (power + torch.finfo(power.dtype).tiny).sqrt()  # gradient at 0
        features = self.analysis(
            torch.fft.irfft(spectrum * self.spectral(magnitude), n=BLOCK)
        )
        centred = features - features.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + EPS).rsqrt()
        gains = self.learnt(centred * scale * self.gain + self.shift)
        return self.synthesis(features * gains)
