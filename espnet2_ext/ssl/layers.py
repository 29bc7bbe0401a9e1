"""Which layers of an upstream take part in the loss, and with what weight.

Layers are numbered as in s3prl's ``hidden_states``: 0 is what enters the first
Transformer block, l is the output of block l, N (the last) is the encoder's output.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch

from espnet2_ext.errors import UserError, finite_number, unknown_name
from espnet2_ext.ssl.featurizer import read_featurizer

CONV = "conv"
Layer = int | str
RANGE = re.compile(r"^(\d+)\s*-\s*(\d+)$")
KEYWORDS = ("all", "first_half", "later_half", "last", CONV)
EXPECTED = (
    f"expected one of {', '.join(KEYWORDS)}, a layer number (6), a range ('6-12'), "
    "a list ([conv, 3, 6]), weights ({conv: 0.5, last: 0.5}), learned weights "
    "({featurizer: PATH}), weights by uncertainty ({uncertainty: all}) or random "
    "layers ({random: 3, of: all})"
)


def layer_name(layer: Layer) -> str:
    """Name a layer in logs: ``conv``, ``l06``."""
    return layer if isinstance(layer, str) else f"l{layer:02d}"


class LayerWeights:
    """A layer specification, its syntax checked when built.

    Args:
        spec: see ``EXPECTED``; entries of a list may be ``conv`` or ranges too. A
            featurizer is what ``read_featurizer`` reads; its weights stay as they are.
            ``random`` draws that many layers anew in every training step, out of those
            of the specification ``of``; default all. ``uncertainty`` is for the loss
            to see to (``uncertain``).

    Raises:
        UserError: if ``spec`` has none of the known forms, names a layer twice, or
            has a weight that is not a finite number >= 0, or only zero weights; if a
            featurizer cannot be read.
    """

    def __init__(self, spec: object) -> None:
        self.spec = spec
        self.random: int | None = None
        self.uncertain = False
        self._featurizer = False
        if isinstance(spec, Mapping) and "random" in spec:
            self.random, spec = self._random(spec)
        elif isinstance(spec, Mapping) and "uncertainty" in spec:
            self.uncertain, spec = True, self._uncertainty(spec)
        self._given = self._parse(spec)

    def _random(self, spec: Mapping) -> tuple[int, object]:
        for key in spec:
            if key not in ("random", "of"):
                raise unknown_name(f"key in layers {spec!r}", key, ("random", "of"))
        number, of = spec["random"], spec.get("of", "all")
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UserError(
                f"layers {spec!r}: random must be a number of layers >= 1, found "
                f"{number!r}."
            )
        return number, self._not_nested(spec, of)

    def _uncertainty(self, spec: Mapping) -> object:
        for key in spec:
            if key != "uncertainty":
                raise unknown_name(f"key in layers {spec!r}", key, ("uncertainty",))
        return self._not_nested(spec, spec["uncertainty"])

    @staticmethod
    def _not_nested(spec: Mapping, of: object) -> object:
        if isinstance(of, Mapping) and {"random", "uncertainty"} & of.keys():
            raise UserError(
                f"layers {spec!r}: random and uncertainty stand once, and not within "
                "each other; give layers or weights, e.g. all."
            )
        return of

    def _parse(self, spec: object) -> dict[str, float]:
        """Turn any form into {keyword, number or range as text: weight}."""
        if isinstance(spec, Mapping) and "featurizer" in spec:
            if len(spec) > 1:
                raise UserError(f"layers {spec!r}: a featurizer stands alone.")
            learned = read_featurizer(str(spec["featurizer"]))
            self._featurizer = True
            return {str(layer): weight for layer, weight in enumerate(learned)}
        if isinstance(spec, Mapping):
            items = [(self._entry(key), _weight(w, spec)) for key, w in spec.items()]
            if not any(weight > 0 for _, weight in items):
                raise UserError(f"layers {spec!r}: every weight is 0; give one > 0.")
        elif isinstance(spec, Sequence) and not isinstance(spec, str):
            items = [(self._entry(key), 1.0) for key in spec]
        else:
            items = [(self._entry(spec), 1.0)]
        if not items:
            raise UserError(f"layers {spec!r} is empty; {EXPECTED}.")
        return dict(items)

    def _entry(self, key: object) -> str:
        text = str(key).strip()
        known = text in KEYWORDS or text.isdigit() or RANGE.match(text)
        if isinstance(key, bool) or not known:
            raise UserError(f"layers: found {key!r} in {self.spec!r}; {EXPECTED}.")
        return text

    @property
    def needs_conv(self) -> bool:
        """Whether the convolutional features are asked for."""
        return self._given.get(CONV, 0.0) > 0

    @property
    def is_single(self) -> bool:
        """Whether one layer is named, as far as can be told without the upstream."""
        keys = [text for text, weight in self._given.items() if weight > 0]
        return len(keys) == 1 and (keys[0].isdigit() or keys[0] in ("last", CONV))

    def require_conv(self, has_conv: bool) -> None:
        """Refuse ``conv`` where the upstream has no convolutional features.

        Raises:
            UserError: then.
        """
        if self.needs_conv and not has_conv:
            raise UserError(
                f"layers {self.spec!r}: this upstream has no convolutional "
                "features; name Transformer layers instead."
            )

    def draw(self, weights: dict[Layer, float]) -> list[Layer]:
        """Choose the layers of a training step among the resolved ``weights``.

        By torch's generator, each layer as likely as any other; all without
        ``random``.
        """
        layers = list(weights)
        if self.random is None:
            return layers
        chosen = torch.randperm(len(layers))[: self.random].tolist()
        return [layers[n] for n in sorted(chosen)]

    def resolve(self, num_states: int, has_conv: bool) -> dict[Layer, float]:
        """Fit the specification to an upstream.

        Args:
            num_states: number of hidden states, N + 1 for N blocks.
            has_conv: whether the upstream gives convolutional features.

        Returns:
            Weight of every layer used, in the order of the layers (``conv`` first);
            the weights sum to 1, so that the loss is a weighted mean over layers and
            alpha means the same for every specification.

        Raises:
            UserError: on a layer out of range, a layer named twice, ``conv`` where
                the upstream has no convolutional features, a featurizer of another
                number of layers, or more random layers than there are.
        """
        if self._featurizer and len(self._given) != num_states:
            raise UserError(
                f"layers {self.spec!r}: found weights of {len(self._given)} layers, "
                f"expected {num_states}; the head belongs to another upstream."
            )
        self.require_conv(has_conv)
        weights: dict[Layer, float] = {}
        for text, weight in self._given.items():
            for layer in _expand(text, num_states - 1):
                if layer in weights:
                    raise UserError(f"layers {self.spec!r}: {layer} is named twice.")
                self._check_range(layer, num_states)
                if weight > 0:
                    weights[layer] = weight
        if self.random is not None and self.random > len(weights):
            raise UserError(
                f"layers {self.spec!r}: found {self.random} random layers, of "
                f"{len(weights)}; give at most that many."
            )
        total = sum(weights.values())
        order = sorted(weights, key=lambda n: -1 if isinstance(n, str) else n)
        return {layer: weights[layer] / total for layer in order}

    def _check_range(self, layer: Layer, num_states: int) -> None:
        if not isinstance(layer, str) and not 0 <= layer < num_states:
            raise UserError(
                f"layers {self.spec!r}: layer {layer} is out of range; this upstream "
                f"has layers 0 to {num_states - 1}."
            )


def _weight(weight: object, spec: object) -> float:
    number = finite_number(weight)
    if number is None or number < 0:
        raise UserError(
            f"layers {spec!r}: weight {weight!r} is not a finite number >= 0."
        )
    return number


def _expand(text: str, last: int) -> list[Layer]:
    """List the layers a keyword, a number or a range stands for."""
    ranged = RANGE.match(text)
    if ranged:
        first, final = int(ranged[1]), int(ranged[2])
        if first > final:
            raise UserError(f"layers: range '{text}' runs backwards.")
        return list(range(first, final + 1))
    keywords: dict[str, list[Layer]] = {
        "all": list(range(last + 1)),
        "first_half": list(range(last // 2 + 1)),
        # "l > N/2", the SSL-MSE of Sato et al. (2025) as it is reported
        "later_half": list(range(last // 2 + 1, last + 1)) or [last],
        "last": [last],
        CONV: [CONV],
    }
    return keywords[text] if text in keywords else [int(text)]
