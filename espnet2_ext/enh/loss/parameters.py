"""The parameters of distances as a configuration gives them, checked when built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from espnet2_ext.checks import number, whole_number
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.checkpoint import check_file, load


def positive(name: str, value: object) -> float:
    """Check a number > 0 with which float32 can still divide."""
    number(name, value, above=0)
    return number(name, value, at_least=1e-8, at_most=1e8)


def count(name: str, value: object) -> int:
    """Check a whole number >= 1, a million at most."""
    return whole_number(name, value, at_least=1, at_most=1_000_000)


def band_width(name: str, value: object) -> int | None:
    """Check the band of soft-DTW: frames >= 1, or None for none.

    0 leaves the diagonal alone, which has no time to warp.
    """
    if value is None:
        return None
    if value == 0 and not isinstance(value, bool):
        raise UserError(
            f"{name} 0 is too narrow: only the diagonal is left, which is distance "
            "mse; give 1 frame or more, or null for no band."
        )
    return count(name, value)


def read_centroids(name: str, value: object) -> Tensor:
    """Read k-means centroids (K, D) from a .npy or .pt file, as float32.

    Raises:
        UserError: if it cannot be read, or is not such a matrix of finite numbers.
    """
    expected = "expected a .npy or .pt file with a matrix (units, features)"
    path, what = Path(str(value)), f"{name} '{value}'"
    try:
        if path.suffix == ".npy":
            check_file(path, what, "a .npy file", accept=b"\x93NUMPY")
            found = torch.from_numpy(np.load(path))
        elif path.suffix == ".pt":
            found = load(path, what)
        else:
            raise UserError(f"{name} '{value}': {expected}.")
    except UserError:
        raise
    except Exception as error:  # whatever a broken file makes the readers raise
        raise UserError(f"{name} '{value}': cannot read it ({error}).") from error
    if not isinstance(found, Tensor) or found.dim() != 2 or len(found) < 2:
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found)
        raise UserError(f"{name} '{value}': {expected}, 2 units or more; found {shape}")
    if not bool(found.isfinite().all()):
        raise UserError(f"{name} '{value}': found values that are not finite.")
    return found.float()


# one name means the same in every distance
PARAMETERS: dict[str, Callable[[str, object], object]] = {
    "floor": positive,
    "gamma": positive,
    "band": band_width,
    "epsilon": positive,
    "iterations": count,
    "temperature": positive,
    "centroids": read_centroids,
}


def bind_parameters(
    spec: object, distances: Mapping[str, Callable[..., Tensor]]
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Find the distance that ``spec`` names, and fix its parameters.

    Args:
        spec: a name, ``mse``, or a mapping, ``{name: soft_dtw, gamma: 0.1}``.
        distances: what there is; keyword-only arguments are the parameters.

    Raises:
        UserError: on an unknown name or parameter, one that is missing, or a value
            that cannot be.
    """
    given = dict(spec) if isinstance(spec, Mapping) else {"name": spec}
    if "name" not in given:
        raise UserError(
            "distance: expected a name (mse), or a name with parameters "
            f"({{name: soft_dtw, gamma: 0.1}}), found {spec!r}."
        )
    name = given.pop("name")
    if not isinstance(name, str) or name not in distances:
        raise unknown_name("distance", name, distances)
    arguments = inspect.signature(distances[name]).parameters.values()
    accepted = {a.name: a.default for a in arguments if a.kind is a.KEYWORD_ONLY}
    for key in given:
        if not accepted:
            raise UserError(f"distance '{name}' takes no parameters; remove '{key}'.")
        if key not in accepted:
            raise unknown_name(f"parameter of distance '{name}'", key, accepted)
    for key, default in accepted.items():
        if default is inspect.Parameter.empty and key not in given:
            raise UserError(
                f"distance '{name}' needs '{key}'; write {{name: {name}, {key}: ...}}."
            )
    values = {key: PARAMETERS[key](key, value) for key, value in given.items()}
    return partial(distances[name], **values)
