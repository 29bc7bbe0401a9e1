"""ESPnet's enhancement model, with lengths on the way to the loss."""

from __future__ import annotations

from typing import Any

from espnet2.enh.espnet_model import ESPnetEnhancementModel
from torch import Tensor

from espnet2_ext.ssl.upstream import shared_forwards


class SSLEnhancementModel(ESPnetEnhancementModel):
    """Same parameters, checkpoints and outputs as ``ESPnetEnhancementModel``."""

    def forward_loss(
        self,
        speech_pre: list[Tensor],
        speech_lengths: Tensor,
        feature_mix: Tensor,
        feature_pre: list[Tensor],
        others: dict,
        *args: Any,
        **kwargs: Any,
    ) -> tuple:
        """Add ``speech_lengths`` (B,) to what the solvers see, then as ESPnet does."""
        others = {**(others or {}), "speech_lengths": speech_lengths}
        with shared_forwards():
            return super().forward_loss(
                speech_pre,
                speech_lengths,
                feature_mix,
                feature_pre,
                others,
                *args,
                **kwargs,
            )
