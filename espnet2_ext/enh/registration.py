"""Importing this module adds our criterion, solver and model to ``espnet2.tasks.enh``.

The model replaces ESPnet's own, which is hard-coded where it is used; it has the same
parameters, checkpoints and options.
"""

from __future__ import annotations

import espnet2.tasks.enh as espnet_enh

from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver

CRITERIONS = espnet_enh.criterion_choices.classes
WRAPPERS = espnet_enh.loss_wrapper_choices.classes
CRITERIONS["ssl"] = SSLLoss
WRAPPERS["fixed_order_with_lengths"] = FixedOrderWithLengthsSolver
espnet_enh.ESPnetEnhancementModel = SSLEnhancementModel
