"""Which layers of an upstream take part in the loss, and with what weight.

Layers are numbered as in s3prl's ``hidden_states``: 0 is what enters the first
Transformer block, l is the output of block l, N (the last) is the encoder's output.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence

import torch

from espnet2_ext.checks import number, optional_path, whole_number
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.ssl.featurizer import read_featurizer

CONV = "conv"
Layer = int | str
NUMBER = re.compile(r"^[0-9]{1,6}$")
RANGE = re.compile(r"^([0-9]{1,6})\s*-\s*([0-9]{1,6})$")
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
            self.random, spec = self._parse_random(spec)
        elif isinstance(spec, Mapping) and "uncertainty" in spec:
            self.uncertain, spec = True, self._parse_uncertainty(spec)
        self._given = self._parse(spec)

    def _parse_random(self, spec: Mapping) -> tuple[int, object]:
        for key in spec:
            if key not in ("random", "of"):
                raise unknown_name(f"key in layers {spec!r}", key, ("random", "of"))
        name = f"layers {spec!r}: random"
        drawn = whole_number(name, spec["random"], 1, what="number of layers")
        return drawn, self._not_nested(spec, spec.get("of", "all"))

    def _parse_uncertainty(self, spec: Mapping) -> object:
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
            path = optional_path("featurizer", spec["featurizer"])
            learned = read_featurizer(str(path))
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
        self._refuse_twice([text for text, _ in items])
        return dict(items)

    def _entry(self, key: object) -> str:
        """Give the one way to write a keyword, a number or a range."""
        text = str(key).strip()
        span = _span(text)
        if isinstance(key, bool) or not (text in KEYWORDS or span):
            raise UserError(f"layers: found {key!r} in {self.spec!r}; {EXPECTED}.")
        return text if span is None else "-".join(map(str, dict.fromkeys(span)))

    def _refuse_twice(self, entries: list[str]) -> None:
        """Refuse what overlaps whatever the upstream; ``resolve`` finds the rest."""
        for text, other in itertools.combinations(entries, 2):
            one, two = _span(text), _span(other)
            overlap = one and two and one[0] <= two[1] and two[0] <= one[1]
            beside_all = "all" in (text, other) and CONV not in (text, other)
            if text == other or overlap or beside_all:
                raise UserError(
                    f"layers {self.spec!r}: '{text}' and '{other}' name a layer twice; "
                    "name each once, with one weight."
                )

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

    def draw(
        self, weights: dict[Layer, float], generator: torch.Generator
    ) -> list[Layer]:
        """Choose the layers of a training step among the resolved ``weights``.

        By the ``generator``, each layer as likely as any other; all without
        ``random``.
        """
        layers = list(weights)
        if self.random is None:
            return layers
        order = torch.randperm(len(layers), generator=generator, device="cpu")
        return [layers[n] for n in sorted(order[: self.random].tolist())]

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
        seen: set[Layer] = set()  # with those of weight 0
        for text, weight in self._given.items():
            for bound in _span(text) or ():
                self._check_range(bound, num_states)
            for layer in _expand(text, num_states - 1):
                if layer in seen:
                    raise UserError(
                        f"layers {self.spec!r}: layer {layer} is named twice; this "
                        f"upstream's last is {num_states - 1}; name each once."
                    )
                seen.add(layer)
                if weight > 0:
                    weights[layer] = weight
        if self.random is not None and self.random > len(weights):
            raise UserError(
                f"layers {self.spec!r}: found {self.random} random layers, of "
                f"{len(weights)}; give at most that many."
            )
        largest = max(weights.values())  # first: a sum could overflow
        total = sum(weight / largest for weight in weights.values())
        order = sorted(weights, key=lambda n: -1 if isinstance(n, str) else n)
        return {layer: weights[layer] / largest / total for layer in order}

    def _check_range(self, layer: int, num_states: int) -> None:
        if not 0 <= layer < num_states:
            raise UserError(
                f"layers {self.spec!r}: layer {layer} is out of range; this upstream "
                f"has layers 0 to {num_states - 1}."
            )


def _weight(weight: object, spec: object) -> float:
    return number(f"layers {spec!r}: a weight", weight, at_least=0)


def _span(text: str) -> tuple[int, int] | None:
    """Give the first and last layer of a number or a range; None for a keyword."""
    if NUMBER.match(text):
        return int(text), int(text)
    ranged = RANGE.match(text)
    if not ranged:
        return None
    first, final = int(ranged[1]), int(ranged[2])
    if first > final:
        raise UserError(f"layers: range '{text}' runs backwards.")
    return first, final


def _expand(text: str, last: int) -> list[Layer]:
    """List the layers a keyword, a number or a range stands for."""
    span = _span(text)
    if span:
        return list(range(span[0], span[1] + 1))
    keywords: dict[str, list[Layer]] = {
        "all": list(range(last + 1)),
        "first_half": list(range(last // 2 + 1)),
        # "l > N/2", the SSL-MSE of Sato et al. (2025) as it is reported
        "later_half": list(range(last // 2 + 1, last + 1)) or [last],
        "last": [last],
        CONV: [CONV],
    }
    return keywords[text]
