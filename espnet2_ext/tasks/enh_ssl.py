"""ESPnet's enhancement task with the ``ssl`` criterion.

Importing this module registers our classes with ESPnet. That must happen at import:
the processes that multi-GPU training spawns import the module of the task and no other
of ours, not even ``__main__``.
"""

from __future__ import annotations

import argparse
from typing import Any

import espnet2.tasks.enh as espnet_enh
import torch
from espnet2.tasks.enh import EnhancementTask

from espnet2_ext.enh.config import check_args
from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.torch_utils.distributed import rank_zero_first
from espnet2_ext.train.task import Checked
from espnet2_ext.train.trainer import Trainer


class SSLEnhancementTask(Checked, EnhancementTask):
    """``EnhancementTask`` that checks its options before any long work starts."""

    trainer = Trainer

    @classmethod
    def check(cls, args: argparse.Namespace) -> None:
        """Check the options, see ``check_args``."""
        check_args(args, cls)

    @classmethod
    def build_optimizers(
        cls, args: argparse.Namespace, model: SSLEnhancementModel
    ) -> list[torch.optim.Optimizer]:
        """Load the upstreams here: ESPnet calls this to train, not to infer."""
        wrappers: list[Any] = [] if args.collect_stats else model.loss_wrappers
        with rank_zero_first():
            for wrapper in wrappers:
                if isinstance(wrapper.criterion, SSLLoss):
                    wrapper.criterion.load()
        return super().build_optimizers(args, model=model)


espnet_enh.EnhancementTask = SSLEnhancementTask  # hard-coded where models are loaded
