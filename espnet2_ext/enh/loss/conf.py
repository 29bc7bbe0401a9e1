"""The ``conf`` of a criterion ``name: ssl``: its keys, and what is made of them."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from espnet2_ext.checks import flag
from espnet2_ext.enh.loss.ssl_distance import SSLDistance
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import FIELDS, UpstreamSpec, split_conf

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


@dataclass(frozen=True)
class Role:
    """The part that a loss plays in a training with ESPnet.

    Attributes:
        name: its key in the log.
        only_for_test: compute it on the validation set only.
        is_noise_loss, is_dereverb_loss: apply it to that output of the separator.

    Raises:
        UserError: on a name that cannot be a key, or a flag that is no bool.
    """

    name: str = "ssl_loss"
    only_for_test: bool = False
    is_noise_loss: bool = False
    is_dereverb_loss: bool = False

    def __post_init__(self) -> None:
        log_key(self.name)
        for key in ("only_for_test", "is_noise_loss", "is_dereverb_loss"):
            flag(key, getattr(self, key))
        if self.is_noise_loss and self.is_dereverb_loss:
            raise UserError(
                "found is_noise_loss and is_dereverb_loss; expected one at most: a "
                "loss looks at one output of the separator."
            )


def _signature() -> inspect.Signature:
    """Put together what the parts take, each default where it is written."""
    spec, distance, role = (
        inspect.signature(part, eval_str=True).parameters
        for part in (UpstreamSpec, SSLDistance, Role)
    )
    found = [spec[name] for name in FIELDS]
    found += [p for p in distance.values() if p.kind is p.KEYWORD_ONLY]
    found += role.values()
    return inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in found])


SIGNATURE = _signature()  # of a conf
OF_ROLE = {field.name for field in dataclasses.fields(Role)}


def read_conf(conf: Mapping[str, Any]) -> tuple[Role, SSLDistance]:
    """Build the distance that ``conf`` describes; no weights are loaded.

    Raises:
        UserError: if a part refuses its values.
        TypeError: on a key that is not in ``SIGNATURE``.
    """
    spec, settings = split_conf(conf)
    role = Role(**{key: settings.pop(key) for key in OF_ROLE & settings.keys()})
    return role, SSLDistance(spec, **settings)
