"""A solver that hands the lengths of a padded batch to its criterion."""

from __future__ import annotations

import inspect
from collections import defaultdict
from typing import Any

import torch
from espnet2.enh.loss.criterions.abs_loss import AbsEnhLoss
from espnet2.enh.loss.wrappers.abs_wrapper import AbsLossWrapper
from torch import Tensor

from espnet2_ext.checks import flag
from espnet2_ext.enh.loss.balance import (
    RATIO,
    SMOOTHING,
    Balance,
    Balanced,
    loss_weight,
)
from espnet2_ext.enh.loss.ssl_distance import SSLDistance
from espnet2_ext.errors import UserError


def takes_lengths(criterion: AbsEnhLoss | type[AbsEnhLoss]) -> bool:
    """Tell whether a criterion, or a class of them, wants ``lengths``."""
    return "lengths" in inspect.signature(criterion.forward).parameters


class FixedOrderWithLengthsSolver(AbsLossWrapper):
    """ESPnet's ``fixed_order``, for a criterion that wants ``lengths``.

    Args:
        criterion: a criterion whose ``forward`` takes ``(ref, inf, lengths)``.
        weight: alpha, the weight of this loss in the sum, >= 0; 0 measures only.
        balance: how alpha and the gradient come about: see ``Balance``.
        ratio, smoothing: of ``balance: gradient_norm``.
        log_gradients: measure and log the gradients with ``balance: fixed``, too.

    Raises:
        UserError: if the criterion takes no lengths or cannot be balanced, on a flag
            that is no bool, or on what ``Balance`` refuses.
    """

    def __init__(
        self,
        criterion: AbsEnhLoss,
        weight: float = 1.0,
        balance: str = "fixed",
        ratio: float = RATIO,
        smoothing: float = SMOOTHING,
        log_gradients: bool = False,
    ) -> None:
        super().__init__()
        if not takes_lengths(criterion):
            raise UserError(
                f"criterion '{criterion.name}' takes no lengths; use 'wrapper: "
                "fixed_order' with it."
            )
        flag("log_gradients", log_gradients)
        self.criterion, self.weight = criterion, loss_weight("weight", weight)
        self.balance = Balance(balance, weight, ratio, smoothing)
        self.waits = balance != "fixed" or log_gradients
        for other in ("only_for_test", "is_noise_loss", "is_dereverb_loss"):
            if self.waits and getattr(criterion, other, False):
                raise UserError(
                    f"criterion '{criterion.name}': found {other} with 'balance: "
                    f"{balance}' or log_gradients; expected a loss of the enhanced "
                    "speech in training; remove one of the two."
                )

    def memory(self) -> dict[str, dict[str, Any]]:
        """Give what training steps have taught; empty where nothing can be learnt."""
        known = {
            "balance": self.balance.state_dict(),
            "distance": self._distance.state_dict() if self._distance else {},
        }
        return {part: state for part, state in known.items() if state}

    def remember(self, memory: dict[str, dict[str, Any]]) -> None:
        """Go on with what ``memory`` gave."""
        self.balance.load_state_dict(memory.get("balance", {}))
        if self._distance:
            self._distance.load_state_dict(memory.get("distance", {}))

    @property
    def _distance(self) -> SSLDistance | None:
        return getattr(self.criterion, "ssl_distance", None)

    def forward(
        self, ref: list[Tensor], inf: list[Tensor], others: dict
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Average the criterion over batch and speakers, in the given order.

        Args:
            ref: clean speech of each speaker, (B, T) each.
            inf: enhanced speech of each speaker, (B, T) each.
            others: ``speech_lengths`` (B,) and ``balanced``, the list of losses that
                wait for the signal loss, from ``SSLEnhancementModel``.

        Returns:
            The loss (0 if it was put on that list); the values for the log; the
            permutation.

        Raises:
            ValueError: if speakers or lengths are missing.
        """
        if not ref or len(ref) != len(inf):
            raise ValueError(
                f"found {len(ref)} references and {len(inf)} enhanced signals; "
                "expected as many of each, one for each speaker"
            )
        if "speech_lengths" not in others:
            raise ValueError(
                "found no 'speech_lengths' in others; expected a model that hands them "
                "on: SSLEnhancementModel of espnet2_ext"
            )
        lengths = others["speech_lengths"]
        losses, stats = [], defaultdict(list)
        for r, i in zip(ref, inf, strict=True):
            losses.append(self.criterion(r, i, lengths).mean())
            for key, value in self.criterion.stats.items():
                stats[key].append(value.mean())
        loss = torch.stack(losses).mean()
        log = {key: torch.stack(values).mean() for key, values in stats.items()}
        log[self.criterion.name] = loss.detach()
        if self.waits and self.weight != 0:
            others["balanced"].append(Balanced(self.criterion.name, self.balance, loss))
            loss = torch.zeros_like(loss)
        order = torch.arange(len(ref)).unsqueeze(0).repeat(ref[0].size(0), 1)
        return loss, log, {"perm": order}
