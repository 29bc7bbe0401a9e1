"""The SSL loss as an ESPnet criterion: ``name: ssl`` in ``criterions:``."""

from __future__ import annotations

import logging
import re

from espnet2.enh.loss.criterions.time_domain import TimeDomainLoss
from torch import Tensor

from espnet2_ext.checks import flag
from espnet2_ext.enh.loss.ssl_distance import SSLDistance
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.layers import layer_name

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*")
# what ESPnet's reporter and model write into the same log
RESERVED = re.compile(
    r"loss|grad_norm|clip|loss_scale|total_count|gpu_max_cached_mem_GB|time"
    r"|signal_gradient_norm|(iter|forward|backward|optim_step|train)_time|optim\d+_lr\d+"
)


def log_key(name: object) -> str:
    """Check the name of a loss: a key of the log and part of a file's name.

    Raises:
        UserError: if it is no text, has other characters, or is used for other things.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError(
            f"name: found {name!r}, expected letters, digits, '_', '.', '+' and '-', a "
            "letter first: the loss has this name in the log and in names of files."
        )
    if RESERVED.fullmatch(name):
        raise UserError(
            f"name: found '{name}', under which ESPnet logs something else; choose "
            "another, such as 'ssl_loss'."
        )
    return name


class SSLLoss(TimeDomainLoss):
    """``SSLDistance`` with ESPnet's argument order and training log.

    The log holds ``ssl_loss`` and the unweighted distance of every layer,
    ``ssl_loss_l06``. With ``name: other`` these become ``other``, ``other_l06``, so
    that several SSL losses can stand in one configuration. Where layers are drawn at
    random, a training step logs no layers: every process must log the same.

    Args:
        upstream, path_or_url, download_dir, extra_conf, layers, distance, normalize,
            fs, pad_reference, exact_padding: see ``SSLDistance``.
        name: the key in the log; default ``ssl_loss``.
        only_for_test: compute it on the validation set only.
        is_noise_loss, is_dereverb_loss: apply it to that output of the separator.

    Raises:
        UserError: on a name that cannot be a key, a flag that is no bool, or what
            ``SSLDistance`` refuses.
    """

    def __init__(
        self,
        upstream: str,
        path_or_url: str | None = None,
        download_dir: str | None = None,
        extra_conf: dict | None = None,
        layers: object = "later_half",
        distance: object = "mse",
        normalize: str = "none",
        fs: int = 16000,
        pad_reference: int = 0,
        exact_padding: bool = True,
        name: str = "ssl_loss",
        only_for_test: bool = False,
        is_noise_loss: bool = False,
        is_dereverb_loss: bool = False,
    ) -> None:
        for key, value in (
            ("only_for_test", only_for_test),
            ("is_noise_loss", is_noise_loss),
            ("is_dereverb_loss", is_dereverb_loss),
        ):
            flag(key, value)
        if is_noise_loss and is_dereverb_loss:
            raise UserError(
                "found is_noise_loss and is_dereverb_loss; expected one at most: a "
                "loss looks at one output of the separator."
            )
        super().__init__(
            log_key(name),
            only_for_test=only_for_test,
            is_noise_loss=is_noise_loss,
            is_dereverb_loss=is_dereverb_loss,
        )
        self.ssl_distance = SSLDistance(
            upstream,
            path_or_url,
            download_dir,
            extra_conf,
            layers=layers,
            distance=distance,
            normalize=normalize,
            fs=fs,
            pad_reference=pad_reference,
            exact_padding=exact_padding,
        )
        self.stats: dict[str, Tensor] = {}

    def load(self) -> None:
        """Load the upstream now, and say what the loss is made of."""
        distance = self.ssl_distance.load()
        weights, random = distance.upstream.weights, distance.upstream.layers.random
        logging.info(
            "%s: upstream %s, %s over %s%s, normalize %s, pad_reference %d, mean over "
            "valid frames and feature dimension",
            self.name,
            distance.upstream.upstream,
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
        per_layer = distance.per_layer(est=inf, ref=ref, lengths=lengths)
        drawn = len(per_layer) < len(distance.upstream.weights)
        self.stats = {
            f"{self.name}_{layer_name(layer)}": value.detach()
            for layer, value in per_layer.items()
            if not drawn
        }
        return distance.weighted(per_layer)
