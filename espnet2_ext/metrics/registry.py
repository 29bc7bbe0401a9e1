"""Every quantity that a score line can have, by its key."""

from __future__ import annotations

from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.quantity import ERROR_COUNT, SSL_PREFIX, WER_PREFIX, Quantity
from espnet2_ext.metrics.signal import QUANTITIES


def quantity_of(key: str) -> Quantity:
    """Describe a key of a score line.

    Raises:
        KeyError: if no registered metric or recogniser writes this key.
    """
    if key.startswith(SSL_PREFIX):
        label = f"SSL {key.removeprefix(SSL_PREFIX)}"
        return Quantity(key, label, unit="", higher_is_better=False, digits=4)
    if key.startswith(WER_PREFIX):
        return Quantity(
            key,
            f"WER {RECOGNISERS[key.removeprefix(WER_PREFIX)].label}",
            unit="%",
            higher_is_better=False,
            digits=1,
            kind=ERROR_COUNT,
        )
    return QUANTITIES[key]
