"""Non-finite losses and gradients: stop and name the utterances, or skip the step.

ESPnet's trainer skips an update if the norm of the gradients is not finite. It names no
utterance and never stops. It leaves such values out of the means that it reports, and
it saves running statistics that the forward pass has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from espnet2_ext.errors import UserError, shorten, unknown_name
from espnet2_ext.torch_utils.distributed import gather_from_processes

RULES = ("stop", "skip")
ADVICE = (
    "expected finite numbers; look at the audio of these utterances, lower the "
    "learning rate, or train on without them: 'nonfinite: skip'."
)


def check_nonfinite(rule: object) -> None:
    """Check the option ``nonfinite``.

    Raises:
        UserError: if it is neither ``stop`` nor ``skip``.
    """
    if rule not in RULES:
        raise unknown_name("nonfinite", rule, RULES)


class Guard:
    """Check the losses and gradients of one epoch.

    Args:
        rule: ``stop`` raises a ``UserError``; ``skip`` skips the step, with a warning,
            and restores the running statistics from before its forward passes.
        scaler: gradient scaler of mixed precision. An overflow at a scale above 1 is
            left to the scaler, which reduces the scale.
    """

    def __init__(self, rule: str, scaler: Any = None) -> None:
        self.rule, self.scaler = rule, scaler
        self._batches: list[tuple[list[str], Tensor]] = []  # since the last update
        self._number = 0  # of all batches
        self._before: list[tuple[Tensor, Tensor]] = []  # buffers and their values then

    @contextmanager
    def watch(self, model: nn.Module) -> Iterator[None]:
        """Record every batch of ``model``, and check before every update."""
        plain = torch.nn.utils.clip_grad_norm_  # what ESPnet calls before an update

        def clip(*args: Any, **kwargs: Any) -> Tensor:
            norm = torch.as_tensor(plain(*args, **kwargs))
            self.judge_gradient(norm)
            return norm

        hooks = (
            model.register_forward_pre_hook(self._before_forward),
            model.register_forward_hook(self._after_forward, with_kwargs=True),
        )
        torch.nn.utils.clip_grad_norm_ = clip
        try:
            yield
        finally:
            torch.nn.utils.clip_grad_norm_ = plain
            for hook in hooks:
                hook.remove()

    def _before_forward(self, model: nn.Module, args: tuple) -> None:
        if not self._batches and model.training:
            self._before = [(b, b.detach().clone()) for b in model.buffers()]

    def _after_forward(
        self, model: nn.Module, args: tuple, kwargs: dict, output: tuple
    ) -> tuple:
        loss, stats, weight = output
        found = loss.detach()
        self._number += 1
        self._batches.append((list(kwargs["utt_id"]), found))
        # the gradient then is not finite either, in no process: ESPnet skips the update
        factor = torch.where(torch.isfinite(found), 1.0, float("nan"))
        return loss * factor, stats, weight

    def count_batches(self) -> int:
        """Return the number of batches so far, over all processes."""
        return sum(gather_from_processes(self._number))

    def judge_gradient(self, norm: Tensor) -> None:
        """Stop or skip if the gradients since the last update are not finite."""
        if torch.isfinite(norm):
            self._batches.clear()
            return
        every, bad = self._take()
        if not bad and self.scaler is not None and self.scaler.get_scale() > 1:
            return
        for buffer, value in self._before:
            buffer.copy_(value)
        self._act("loss" if bad else f"gradient (norm {norm.item():g})", bad or every)

    def judge_losses(self) -> bool:
        """Check the losses after the last update; return whether one was not finite."""
        _, bad = self._take()
        if bad:
            self._act("loss", bad)
        return bool(bad)

    def _take(self) -> tuple[list[str], list[str]]:
        """Return the ids in all batches and in the bad ones, over all processes."""
        batches, self._batches = self._batches, []
        bad = [u for ids, loss in batches if not loss.isfinite().all() for u in ids]
        every = [u for ids, _ in batches for u in ids]
        both = gather_from_processes((every, bad))
        return [u for ids, _ in both for u in ids], [u for _, ids in both for u in ids]

    def _act(self, what: str, utts: Sequence[str]) -> None:
        found = f"found a {what} that is not finite in a batch of {', '.join(utts)}"
        if self.rule == "stop":
            raise UserError(f"{found}; {ADVICE}")
        logging.warning("nonfinite: skip: %s; it is left out", found)


def refuse_nonfinite_state(
    model: nn.Module, optimizers: Iterable[torch.optim.Optimizer]
) -> None:
    """Check the state of model and optimizers before it is saved.

    Buffers may hold infinities (masks). Parameters and the state of optimizers may not.

    Raises:
        UserError: naming what is not finite; nothing is saved then.
    """
    bad = [n for n, p in model.named_parameters() if not p.isfinite().all()]
    bad += [n for n, b in model.named_buffers() if b.isnan().any()]
    for optimizer in optimizers:
        states = [v for state in optimizer.state.values() for v in state.values()]
        tensors = [v for v in states if isinstance(v, Tensor)]
        if not all(bool(v.isfinite().all()) for v in tensors):
            bad.append(f"the state of {type(optimizer).__name__}")
    if bad:
        raise UserError(
            f"found numbers that are not finite in {shorten(bad)} at the end of an "
            "epoch, which is not saved; expected finite numbers; lower the learning "
            "rate and go on from the epoch before (run the stage again)."
        )
