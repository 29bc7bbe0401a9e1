"""The models that a training starts from: ``init_param: [path:source:target:exclude]``.

ESPnet's rules: of the weights in ``path`` those below ``source``, without those that
begin with a word of ``exclude``, go to the part ``target`` of the model.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from espnet2_ext.errors import UserError, shorten, unknown_name
from espnet2_ext.fileio.checkpoint import load_weights


def check_init_param(
    params: Sequence[str], model: nn.Module, ignore_mismatch: bool
) -> None:
    """Check that every model can be read and fits.

    Args:
        params: ``path[:source[:target[:exclude]]]`` each.
        model: whose weights they become; only their names and shapes are looked at.
        ignore_mismatch: ``ignore_init_mismatch``: what does not fit is left out.

    Raises:
        UserError: a file that is no model; nothing below ``source``; no part
            ``target``; weights that do not fit.
    """
    for param in params:
        words = str(param).split(":")
        if len(words) > 4:
            raise UserError(
                f"init_param: found '{param}'; expected "
                "path[:source[:target[:exclude]]]; correct it."
            )
        path, source, target, exclude = (*words, "", "", "")[:4]
        weights = load_weights(path, f"init_param '{path}'")
        for start in exclude.split(",") if len(words) == 4 else ():
            weights = {k: w for k, w in weights.items() if not k.startswith(start)}
        found = {
            key[len(source) + 1 :] if source else key: weight
            for key, weight in weights.items()
            if key.startswith(source)
        }
        if not found:
            parts = {key.rpartition(".")[0] for key in weights}
            raise unknown_name(f"source in init_param '{param}'", source, parts)
        part = _part(model, target, param)
        if not ignore_mismatch:
            check_fit(found, part, f"init_param '{param}'")


def _part(model: nn.Module, target: str, param: str) -> nn.Module:
    try:
        return model.get_submodule(target)
    except AttributeError as error:
        parts = {name for name, _ in model.named_children()}
        raise unknown_name(f"target in init_param '{param}'", target, parts) from error


def check_fit(weights: dict, part: nn.Module, what: str) -> None:
    """Compare names and shapes of weights with those of a network, or a part of it.

    Raises:
        UserError: naming the first that differ; ``what`` is where they are from.
    """
    expected = {key: tuple(w.shape) for key, w in part.state_dict().items()}
    odd = [
        f"{key} {tuple(weight.shape)} ({expected.get(key, 'no such weight')} here)"
        for key, weight in weights.items()
        if expected.get(key) != tuple(weight.shape)
    ]
    if odd:
        raise UserError(
            f"{what}: found {shorten(odd, '; ')}; expected the weights of "
            "this network; use a model of the same configuration (init_param: or name "
            "the part, path:source:target, or set 'ignore_init_mismatch: true')."
        )
