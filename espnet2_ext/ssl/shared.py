"""One copy of an upstream's weights in a process, whoever uses it."""

from __future__ import annotations

import weakref
from typing import Protocol

import torch
from torch import nn

from espnet2_ext.ssl.blocks import Stack
from espnet2_ext.ssl.isolation import own_conditions
from espnet2_ext.ssl.loading import build_upstream
from espnet2_ext.ssl.spec import UpstreamSpec


class User(Protocol):
    """Who uses a copy."""

    @property
    def depth(self) -> int:
        """The highest layer it may want."""


class SharedStack:
    """The one copy of an upstream in this process, on each device that asked."""

    def __init__(self, spec: UpstreamSpec) -> None:
        self.spec = spec
        self.users: weakref.WeakSet[User] = weakref.WeakSet()
        self._copies: dict[torch.device, tuple[nn.Module, Stack]] = {}

    def on(self, device: torch.device) -> Stack:
        """Give the stack on ``device``; a copy that waits on the CPU moves there."""
        if device not in self._copies:
            with own_conditions():  # one thread at a time
                if device not in self._copies:
                    spare = self._copies.pop(torch.device("cpu"), None)
                    module, stack = spare or build_upstream(self.spec)
                    self._copies[device] = (module.to(device), stack)
        return self._copies[device][1]

    def device(self) -> torch.device:
        """Where a copy is already; the CPU if there is none."""
        return next(iter(self._copies), torch.device("cpu"))

    def depth(self, apart_from: User) -> int:
        """The highest layer that any other user may want; -1 without others."""
        others = [user.depth for user in self.users if user is not apart_from]
        return max(others, default=-1)


_STACKS: weakref.WeakValueDictionary[str, SharedStack] = weakref.WeakValueDictionary()


def shared_stack(spec: UpstreamSpec) -> SharedStack:
    """Give the copy of an upstream; it lives as long as someone holds it."""
    return _STACKS.setdefault(spec.weights_key(), SharedStack(spec))
