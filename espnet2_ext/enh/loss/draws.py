"""The random choices of a loss, from a stream of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Draws:
    """Numbers that do not move the random state of the training on.

    Layers and paddings that the loss draws from torch's own generator would change the
    crops and the dropout of every later step: a system with the loss would be trained
    on other data than one without. This stream starts at the first draw, from the seed
    that torch was given last (``torch.initial_seed()``, which draws nothing). So a
    training is repeatable by its seed, and processes with the same seed draw the same.
    ``state_dict`` holds where it is, for a training that goes on.
    """

    def __init__(self) -> None:
        self._generator: torch.Generator | None = None

    @property
    def generator(self) -> torch.Generator:
        """The stream, on the CPU; started if it was not."""
        if self._generator is None:
            self._generator = torch.Generator("cpu")
            self._generator.manual_seed(torch.initial_seed())
        return self._generator

    def integer(self, lowest: int, highest: int) -> int:
        """Draw a whole number, both ends included."""
        found = torch.randint(
            lowest, highest + 1, (), generator=self.generator, device="cpu"
        )
        return int(found)

    def state_dict(self) -> dict[str, Tensor]:
        """Give the state, (bytes,) uint8; an empty dict before the first draw."""
        if self._generator is None:
            return {}
        return {"generator": self._generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what ``state_dict`` gave, on any machine."""
        self._generator = None
        if "generator" in state:
            self._generator = torch.Generator("cpu")
            self._generator.set_state(state["generator"].cpu())

    def __reduce__(self) -> tuple:
        # copies and pickles go on from here, each for itself
        return _restored, (self.state_dict(),)


def _restored(state: dict[str, Tensor]) -> Draws:
    draws = Draws()
    draws.load_state_dict(state)
    return draws
