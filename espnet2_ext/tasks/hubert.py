"""ESPnet's HuBERT task with the weights of its loss in the configuration.

As in `tasks.asr`, importing this module registers our class.
"""

from __future__ import annotations

from typing import Any

import espnet2.tasks.hubert as espnet_hubert
from espnet2.hubert.espnet_model import TorchAudioHubertPretrainModel
from espnet2.tasks.hubert import HubertTask as EspnetHubertTask
from espnet2.tasks.hubert import model_choices
from torch import Tensor

from espnet2_ext.train.task import Checked


class WeightedHubertPretrainModel(TorchAudioHubertPretrainModel):
    """ESPnet's ``model: torchaudio``; same parameters and checkpoints.

    ESPnet fixes the weights, for training of weeks. In one of minutes, the penalty of
    the convolutional features alone shrinks them to a fiftieth before the model has
    learned to use them, and their steps are lost in the optimiser's noise.

    Args:
        masked_weight: of the cross-entropy of masked frames.
        unmasked_weight: of the frames that the model sees.
        feature_weight: of the mean square of the convolutional features.
        args, kwargs: ESPnet's.
    """

    def __init__(
        self,
        *args: Any,
        masked_weight: float = 1.0,
        unmasked_weight: float = 0.0,
        feature_weight: float = 10.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.loss_weights = {
            "masked_weight": masked_weight,
            "unmasked_weight": unmasked_weight,
            "feature_weight": feature_weight,
        }

    def _calc_hubert_loss(
        self, logit_m: Tensor, logit_u: Tensor, feature_penalty: Tensor
    ) -> Tensor:
        return super()._calc_hubert_loss(
            logit_m, logit_u, feature_penalty, **self.loss_weights
        )


class HubertTask(Checked, EspnetHubertTask):
    """ESPnet's own, defined here so that spawned workers import this module."""


def register() -> None:
    """Replace the model and the task in ``espnet2.tasks.hubert``."""
    # under its own name: plain ESPnet loads the configuration, too
    model_choices.classes["torchaudio"] = WeightedHubertPretrainModel
    espnet_hubert.HubertTask = HubertTask


register()
