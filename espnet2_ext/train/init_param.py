"""Initial weights of a training: ``init_param: [path:source:target:exclude]``.

ESPnet copies the weights in ``path`` whose names begin with ``source`` to the module
``target`` of the model. It leaves out names that begin with a word of ``exclude``.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from espnet2_ext.errors import UserError, shorten, unknown_name
from espnet2_ext.fileio.checkpoint import load_weights


def check_init_param(
    params: Sequence[str], model: nn.Module, ignore_mismatch: bool
) -> None:
    """Check that all files can be read and that their weights fit the model.

    Args:
        params: each is ``path[:source[:target[:exclude]]]``.
        model: the model to initialise; only names and shapes of its weights are read.
        ignore_mismatch: ``ignore_init_mismatch``; leave out what does not fit.

    Raises:
        UserError: if a file is no model, no weight begins with ``source``, the model
            has no module ``target``, or weights do not fit.
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
    """Compare names and shapes of weights with those of a module.

    Args:
        weights: tensors by name.
        part: the module.
        what: origin of the weights, for the message.

    Raises:
        UserError: naming the first weights that differ.
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
