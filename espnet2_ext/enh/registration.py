"""Importing this module adds our classes to ``espnet2.tasks.enh``.

The model replaces ESPnet's own, which is hard-coded where it is used; it has the same
parameters, checkpoints and options.
"""

from __future__ import annotations

import espnet2.tasks.enh as espnet_enh

from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver
from espnet2_ext.enh.on_the_fly import OnTheFlyPreprocessor
from espnet2_ext.enh.separators.dtln import DTLNSeparator

CRITERIONS = espnet_enh.criterion_choices.classes
WRAPPERS = espnet_enh.loss_wrapper_choices.classes
CRITERIONS["ssl"] = SSLLoss
WRAPPERS["fixed_order_with_lengths"] = FixedOrderWithLengthsSolver
espnet_enh.separator_choices.classes["dtln"] = DTLNSeparator
espnet_enh.preprocessor_choices.classes["on_the_fly"] = OnTheFlyPreprocessor
espnet_enh.ESPnetEnhancementModel = SSLEnhancementModel
