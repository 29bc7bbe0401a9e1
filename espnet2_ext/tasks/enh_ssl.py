"""ESPnet's enhancement task with the ``ssl`` criterion.

Importing this module registers our classes with ESPnet. That must happen at import:
the processes that multi-GPU training spawns import the module of the task and no other
of ours, not even ``__main__``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import espnet2.tasks.enh as espnet_enh
import torch
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.tasks.enh import EnhancementTask
from espnet2.train.distributed_utils import DistributedOption

from espnet2_ext.enh.config import check_args
from espnet2_ext.enh.espnet_model import SSLEnhancementModel
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.on_the_fly import Epochs, OnTheFlyPreprocessor
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
    def build_preprocess_fn(
        cls, args: argparse.Namespace, train: bool
    ) -> Callable[[str, dict[str, Any]], dict[str, Any]] | None:
        """Build ours, too, whose options ESPnet does not know."""
        if getattr(args, "preprocessor", None) == "on_the_fly":
            return OnTheFlyPreprocessor(train, **args.preprocessor_conf)
        return super().build_preprocess_fn(args, train)

    @classmethod
    def build_iter_factory(
        cls,
        args: argparse.Namespace,
        distributed_option: DistributedOption,
        mode: str,
        kwargs: dict | None = None,
    ) -> AbsIterFactory:
        """Build ESPnet's batches, which tell a preprocessor of ours the epoch."""
        if mode != "train" or args.preprocessor != "on_the_fly":
            return super().build_iter_factory(args, distributed_option, mode, kwargs)
        preprocessor = OnTheFlyPreprocessor(True, **args.preprocessor_conf)
        options = {**(kwargs or {}), "preprocess_fn": preprocessor}
        factory = super().build_iter_factory(args, distributed_option, mode, options)
        return Epochs(factory, preprocessor)

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
