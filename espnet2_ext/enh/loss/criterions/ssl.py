"""The SSL loss as an ESPnet criterion: ``name: ssl`` in ``criterions:``."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from typing import Any, ClassVar

from espnet2.enh.loss.criterions.time_domain import TimeDomainLoss
from torch import Tensor

from espnet2_ext.enh.loss.conf import SIGNATURE, read_conf
from espnet2_ext.ssl.layers import layer_name


class SSLLoss(TimeDomainLoss):
    """``SSLDistance`` with ESPnet's argument order and training log.

    The log holds ``ssl_loss`` and the unweighted distance of every layer,
    ``ssl_loss_l06``. With ``name: other`` these become ``other``, ``other_l06``, so
    that several SSL losses can stand in one configuration. Where layers are drawn at
    random, a training step logs no layers: every process must log the same.

    Args:
        conf: see ``SIGNATURE``: the fields of ``UpstreamSpec``, the settings of
            ``SSLDistance``, and those of ``Role``.

    Raises:
        UserError: if one of these refuses its values.
    """

    __signature__: ClassVar[inspect.Signature] = SIGNATURE

    def __init__(self, **conf: Any) -> None:
        role, ssl_distance = read_conf(conf)
        super().__init__(**dataclasses.asdict(role))
        self.ssl_distance = ssl_distance
        self.stats: dict[str, Tensor] = {}

    def load(self) -> None:
        """Load the upstream now, and say what the loss is made of."""
        distance = self.ssl_distance.load()
        weights, random = distance.upstream.weights, distance.upstream.layers.random
        logging.info(
            "%s: upstream %s, %s over %s%s, normalize %s, pad_reference %d, mean over "
            "valid frames and feature dimension",
            self.name,
            distance.upstream.spec.upstream,
            distance.distance,
            "" if random is None else f"{random} random layers of ",
            ", ".join(f"{w:.3f} x {layer_name(n)}" for n, w in weights.items()),
            distance.normalize,
            distance.pad_reference,
        )

    def forward(
        self, ref: Tensor, inf: Tensor, lengths: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of each utterance.

        Args:
            ref: clean speech, (B, T).
            inf: enhanced speech, (B, T).
            lengths: valid samples, (B,); None means all T.

        Returns:
            (B,)
        """
        distance = self.ssl_distance
        # ESPnet has (ref, inf); everything else in this package has (est, ref)
        found = distance.per_layer(est=inf, ref=ref, lengths=lengths)
        drawn = len(found.layers) < len(distance.upstream.weights)
        self.stats = {
            f"{self.name}_{layer_name(layer)}": value.detach()
            for layer, value in found.layers.items()
            if not drawn
        }
        return distance.weighted(found)
