"""The parameters of distances as a configuration gives them, checked when built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial

from torch import Tensor

from espnet2_ext.checks import count, positive
from espnet2_ext.enh.loss.centroids import read_centroids
from espnet2_ext.errors import UserError, unknown_name


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
