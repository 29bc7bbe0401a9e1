"""What a scored number is: printed name, unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

SSL_PREFIX = "SSL_"  # a distance of features
SBS_PREFIX = "SBS_"  # SpeechBERTScore on the same features
WER_PREFIX = "WER_"
VERSA_PREFIX = "VERSA_"
NO_VALUE = "no_value"  # in a score line, no quantity: key -> why it is None, or
AUDIO = "audio"  # -> why no scorer can judge the audio
MEAN, ERROR_COUNT = "mean", "error_count"  # kinds of quantities
# Roles: the price of a loss; what decides whether it helps; what a loss may make small
# itself; what only is shown.
QUALITY, JUDGE, FEATURES, SHOWN = "quality", "judge", "features", "shown"
CONTENT, SPEAKER, EMOTION = "content", "speaker", "emotion"  # what a judge hears


@dataclass(frozen=True)
class Quantity:
    """One key of a score line.

    Attributes:
        key: the key in ``scores.jsonl``.
        label: the name in a table.
        unit: e.g. ``"dB"``; empty where the number has none.
        higher_is_better: which way the arrow points.
        digits: decimals in a table.
        kind: ``MEAN``: utterances have numbers, which are averaged; ``ERROR_COUNT``:
            they have word errors, which are pooled.
        role: ``QUALITY``: of the signal; ``JUDGE``: whether speech is still recognised,
            which decides claims (`espnet2_ext.report.claims`); ``FEATURES``: a
            distance or similarity of features; ``SHOWN``: none of these.
        aspect: of speech that a judge hears: ``CONTENT``, ``SPEAKER`` or ``EMOTION``.
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    digits: int
    kind: str = MEAN
    role: str = QUALITY
    aspect: str = CONTENT

    @property
    def is_error_count(self) -> bool:
        """Whether the values are word errors (pooled), not numbers (averaged)."""
        return self.kind == ERROR_COUNT

    @property
    def arrow(self) -> str:
        """The direction of goodness."""
        return "↑" if self.higher_is_better else "↓"
