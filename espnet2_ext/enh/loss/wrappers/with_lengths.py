"""A solver that hands the lengths of a padded batch to its criterion."""

from __future__ import annotations

import inspect
from collections import defaultdict

import torch
from espnet2.enh.loss.criterions.abs_loss import AbsEnhLoss
from espnet2.enh.loss.wrappers.abs_wrapper import AbsLossWrapper
from torch import Tensor

from espnet2_ext.errors import UserError


class FixedOrderWithLengthsSolver(AbsLossWrapper):
    """ESPnet's ``fixed_order``, for a criterion that wants ``lengths``.

    Args:
        criterion: a criterion whose ``forward`` takes ``(ref, inf, lengths)``.
        weight: alpha, the weight of this loss in the sum; 0 measures only.

    Raises:
        UserError: if the criterion takes no lengths, or the weight is no number.
    """

    def __init__(self, criterion: AbsEnhLoss, weight: float = 1.0) -> None:
        super().__init__()
        if "lengths" not in inspect.signature(criterion.forward).parameters:
            raise UserError(
                f"criterion '{criterion.name}' takes no lengths; use 'wrapper: "
                "fixed_order' with it."
            )
        self.criterion, self.weight = criterion, weight

    def forward(
        self, ref: list[Tensor], inf: list[Tensor], others: dict
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Average the criterion over batch and speakers, in the given order.

        Args:
            ref: clean speech of each speaker, (B, T) each.
            inf: enhanced speech of each speaker, (B, T) each.
            others: ``speech_lengths`` (B,), from ``SSLEnhancementModel``.

        Returns:
            The loss; the values for the log; the permutation.
        """
        assert len(ref) == len(inf), (len(ref), len(inf))
        lengths = others["speech_lengths"]
        losses, stats = [], defaultdict(list)
        for r, i in zip(ref, inf, strict=True):
            losses.append(self.criterion(r, i, lengths).mean())
            for key, value in self.criterion.stats.items():
                stats[key].append(value.mean())
        loss = torch.stack(losses).mean()
        log = {key: torch.stack(values).mean() for key, values in stats.items()}
        log[self.criterion.name] = loss.detach()
        order = torch.arange(len(ref)).unsqueeze(0).repeat(ref[0].size(0), 1)
        return loss, log, {"perm": order}
