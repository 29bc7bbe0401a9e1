"""ESPnet's enhancement model, with lengths on the way to the loss."""

from __future__ import annotations

from typing import Any

from espnet2.enh.espnet_model import ESPnetEnhancementModel
from espnet2.torch_utils.device_funcs import force_gatherable
from torch import Tensor

from espnet2_ext.enh.loss.balance import Balanced, add_balanced
from espnet2_ext.ssl.memo import shared_forwards


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
        """Compute the losses as ESPnet does, then those that wait for the signal loss.

        The solvers also see ``speech_lengths`` (B,) and ``balanced``, a list for losses
        that are to be balanced with the rest.
        """
        balanced: list[Balanced] = []
        others = {
            **(others or {}),
            "speech_lengths": speech_lengths,
            "balanced": balanced,
        }
        if any(getattr(wrapper, "waits", False) for wrapper in self.loss_wrappers):
            # a decoder under autocast may give float16, too coarse for gradients
            speech_pre = [speech.float() for speech in speech_pre]
        with shared_forwards():
            result = super().forward_loss(
                speech_pre,
                speech_lengths,
                feature_mix,
                feature_pre,
                others,
                *args,
                **kwargs,
            )
            return self._with_balanced(result, speech_pre, balanced)

    def _with_balanced(
        self, result: tuple, enhanced: list[Tensor], balanced: list[Balanced]
    ) -> tuple:
        """Add the losses that waited: with the last alpha outside of training."""
        if not balanced:
            return result
        loss, stats, *rest = result
        if self.training:
            loss, log = add_balanced(loss, enhanced, balanced)
        else:
            log = {}
            for name, balance, ssl_loss in balanced:
                loss = loss + balance.alpha * ssl_loss
                log[f"{name}_alpha"] = ssl_loss.new_tensor(balance.alpha)
        log["loss"] = loss.detach()
        return loss, {**stats, **force_gatherable(log, loss.device)}, *rest
