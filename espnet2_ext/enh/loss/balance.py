"""How much an SSL loss counts beside the signal loss, from the gradients of both.

The gradients are those with respect to the enhanced waveform: measuring them takes no
backward pass through the separator, and they say nothing about conflicts between its
parameters. Shapes: B batch, N samples of an utterance (all its speakers). What is said
of an utterance does not depend on the others in its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from espnet2_ext.checks import number
from espnet2_ext.enh.loss.smoothing import SmoothedMean
from espnet2_ext.errors import UserError, finite_number, unknown_name

RULES = ("fixed", "gradient_norm", "projection")
RATIO, SMOOTHING = 1.0, 0.95
TINY = 1e-20  # a norm beside another that no gradient really has


def utterance_norms(gradient: Tensor) -> Tensor:
    """Give ``B * ||g_b||``: the norm of the gradient of each utterance's own loss.

    Args:
        gradient: of a loss that is the mean over the batch, (B, N).

    Returns:
        (B,)
    """
    return len(gradient) * gradient.norm(dim=1)


def project(gradient: Tensor, other: Tensor) -> Tensor:
    """Remove the component of ``gradient`` that opposes ``other``; both (B, N).

    ``g + max(0, -<g, h> / ||h||^2) h`` for each utterance: normal to h where the two
    conflict, g itself elsewhere and where h is zero. This is D4AM's calibration (Lee et
    al., arXiv 2311.16595) with h = signal loss as the auxiliary task, applied to the
    waveform and not to the parameters.
    """
    peak = other.abs().amax(dim=1, keepdim=True)
    # by the peak first: the squares of a small gradient would be zero in float32
    unit = F.normalize(other / peak.clamp_min(torch.finfo(other.dtype).tiny), dim=1)
    along = (gradient * unit).sum(dim=1, keepdim=True)
    return gradient - along.clamp_max(0.0) * unit


def loss_weight(name: str, value: object) -> float:
    """Check the weight of a loss in the sum.

    Raises:
        UserError: if it is no finite number >= 0.
    """
    found = finite_number(value)
    if found is None:
        raise UserError(f"{name} {value!r} is not a finite number; expected one >= 0.")
    if found < 0:
        raise UserError(
            f"{name}: found {value!r}, expected a number >= 0: a negative weight "
            "rewards what the loss should prevent. Give its absolute value, or 0 to "
            "measure only; to maximise a distance on purpose, subtract SSLDistance in "
            "a training loop of your own."
        )
    return found


class Balance:
    """The weight alpha of one SSL loss, and the gradient that it sends.

    - ``fixed``: ``alpha = weight``; sends ``alpha g_SSL``.
    - ``gradient_norm``: ``alpha = ratio * |g_signal| / |g_SSL|``: mean norms over the
      utterances of all processes, each exponentially smoothed over the steps. Before
      the first step ``alpha = weight``. Steps that are not finite do not count.
    - ``projection``: ``alpha = weight``; sends ``alpha project(g_SSL, g_signal)``.

    Args:
        rule: one of ``RULES``.
        weight: see above; >= 0.
        ratio: of the two norms that ``gradient_norm`` brings about.
        smoothing: decay, the weight of the past, in [0, 1); 0 uses each step alone.

    Raises:
        UserError: on an unknown rule, a number out of range, or one without effect.
    """

    def __init__(
        self,
        rule: str = "fixed",
        weight: float = 1.0,
        ratio: float = RATIO,
        smoothing: float = SMOOTHING,
    ) -> None:
        if rule not in RULES:
            raise unknown_name("balance", rule, RULES)
        weight = loss_weight("weight", weight)
        number("ratio", ratio, above=0)
        number("smoothing", smoothing, at_least=0, below=1)
        if rule != "gradient_norm" and (ratio, smoothing) != (RATIO, SMOOTHING):
            raise UserError(
                f"found ratio or smoothing with 'balance: {rule}', which has no use "
                "for them; remove them, or write 'balance: gradient_norm'."
            )
        self.rule, self.alpha = rule, weight
        self.ratio = ratio
        self._norms = SmoothedMean(smoothing)  # of the signal, of the SSL

    def state_dict(self) -> dict[str, Any]:
        """Give what the steps so far have taught: nothing but ``gradient_norm``."""
        if self.rule != "gradient_norm":
            return {}
        return {"alpha": self.alpha, "norms": self._norms.value}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what ``state_dict`` gave."""
        if self.rule == "gradient_norm" and state:
            self.alpha, self._norms.value = state["alpha"], state["norms"]

    def send(self, g_signal: Tensor, g_ssl: Tensor) -> Tensor:
        """Bring alpha up to date, and give the gradient to be sent; all (B, N)."""
        if self.rule == "gradient_norm":
            self._follow(g_signal, g_ssl)
        if self.rule == "projection":
            g_ssl = project(g_ssl, g_signal)
        return self.alpha * g_ssl

    def _follow(self, g_signal: Tensor, g_ssl: Tensor) -> None:
        self._norms.update(torch.stack([*map(utterance_norms, (g_signal, g_ssl))]))
        if self._norms.value is None:
            return
        signal, ssl = self._norms.value.tolist()
        if ssl > TINY * signal:  # else alpha would overflow float32
            self.alpha = self.ratio * signal / ssl


class Balanced(NamedTuple):
    """An SSL loss that waits for the signal loss."""

    name: str
    balance: Balance
    loss: Tensor  # (), not weighted


def gradient_of(loss: Tensor, enhanced: Sequence[Tensor]) -> Tensor:
    """Differentiate the sum of ``loss`` with respect to each (B, T): (B, N)."""
    # autocast is for forward passes only. The graph is kept because the signal loss
    # goes back through it again, and several SSL losses may share one.
    with torch.autocast(loss.device.type, enabled=False):
        found = torch.autograd.grad(
            loss.sum(), enhanced, retain_graph=True, materialize_grads=True
        )
    return torch.stack(found, dim=1).flatten(1)


def add_balanced(
    loss: Tensor, enhanced: Sequence[Tensor], losses: Sequence[Balanced]
) -> tuple[Tensor, dict[str, Tensor]]:
    """Add SSL losses to the signal loss, in training.

    Args:
        loss: the signal loss: all losses that are not balanced, a single value.
        enhanced: enhanced speech of each speaker, (B, T) each.
        losses: the losses to add.

    Returns:
        ``loss + sum alpha L_SSL``, which sends into the enhanced speech the gradient
        that each ``Balance`` says; the values for the log.
    """
    g_signal = gradient_of(loss, enhanced)
    wave = torch.stack(list(enhanced), dim=1).flatten(1)
    log = {"signal_gradient_norm": utterance_norms(g_signal).mean()}
    for name, balance, ssl_loss in losses:
        g_ssl = gradient_of(ssl_loss, enhanced)
        gradient = balance.send(g_signal, g_ssl)
        # zero, with `gradient` as its derivative: the backward pass through the
        # upstream was the one above, and is not repeated
        sender = (gradient * (wave - wave.detach())).sum()
        loss = loss + balance.alpha * ssl_loss.detach() + sender
        cosine = F.cosine_similarity(g_signal, g_ssl, dim=1, eps=0.0).nan_to_num(0.0)
        log[f"{name}_gradient_norm"] = utterance_norms(g_ssl).mean()
        log[f"{name}_gradient_cosine"] = cosine.mean()
        log[f"{name}_alpha"] = ssl_loss.new_tensor(balance.alpha)
    return loss, log
