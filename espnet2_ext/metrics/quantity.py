"""What a scored number is: printed name, unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

SSL_PREFIX = "SSL_"
WER_PREFIX = "WER_"
NO_VALUE = "no_value"  # in a score line, no quantity: key -> why it is None, or
AUDIO = "audio"  # -> why no scorer can judge the audio


@dataclass(frozen=True)
class Quantity:
    """One key of a score line.

    Attributes:
        key: the key in ``scores.jsonl``.
        label: the name in a table.
        unit: e.g. ``"dB"``; empty where the number has none.
        higher_is_better: which way the arrow points.
        digits: decimals in a table.
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int

    @property
    def is_error_count(self) -> bool:
        """Whether the values are word-error counts (pooled), not numbers (mean)."""
        return self.key.startswith(WER_PREFIX)

    @property
    def arrow(self) -> str:
        """The direction of goodness."""
        return "↑" if self.higher_is_better else "↓"


def quantity_of(key: str) -> Quantity:
    """Describe a key of a score line.

    Raises:
        KeyError: if no registered metric or recogniser writes this key.
    """
    from espnet2_ext.metrics.asr import RECOGNISERS
    from espnet2_ext.metrics.signal import QUANTITIES

    if key.startswith(SSL_PREFIX):
        return Quantity(key, f"SSL {key.removeprefix(SSL_PREFIX)}", "", False, 4)
    if key.startswith(WER_PREFIX):
        label = RECOGNISERS[key.removeprefix(WER_PREFIX)].label
        return Quantity(key, f"WER {label}", "%", False, 1)
    return QUANTITIES[key]
