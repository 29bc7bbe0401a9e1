"""What the best model is chosen by, and whether the training will log it."""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Sequence
from typing import Any

from torch import nn

from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.errors import UserError, unknown_name

PHASES = ("train", "valid")
# ESPnet's default names the first, its recipes the second; no loss logs either
DEAD_KEYS = ("acc", "si_snr")
# behind the name of an SSL loss
OF_SSL = re.compile(r"_(l\d\d|conv|alpha|gradient_norm|gradient_cosine)")


def check_selection(args: argparse.Namespace, wrappers: Sequence[nn.Module]) -> None:
    """Check that losses differ in name, and that what decides is logged.

    Args:
        args: best_model_criterion, early_stopping_criterion, val_scheduler_criterion.
        wrappers: the losses, built.

    Raises:
        UserError: two losses of one name; a phase or key that is not logged, for then
            no best model is kept, or the first epoch's end fails.
    """
    names = log_names(wrappers)
    _check_once(names["valid"])
    used = [("best_model_criterion", c) for c in args.best_model_criterion]
    dead = [c for _, c in used if c[1] in DEAD_KEYS and c[1] not in names["valid"]]
    if len(dead) < len(used):
        used = [(option, c) for option, c in used if c not in dead]
    if args.patience is not None:
        used.append(("early_stopping_criterion", args.early_stopping_criterion))
    if args.scheduler is not None:
        used.append(("val_scheduler_criterion", args.val_scheduler_criterion))
    for option, (phase, key, *_) in used:
        if phase not in PHASES:
            raise unknown_name(f"phase in {option}", phase, PHASES)
        if not _is_logged(key, names[phase], wrappers, _categories(args)):
            raise unknown_name(f"key in {option} ('{phase}')", key, names[phase])
    if dead:
        logging.warning("best_model_criterion: nothing logs %s; it is left out", dead)


def log_names(wrappers: Sequence[Any]) -> dict[str, list[str]]:
    """List the keys that training and validation log, layers of SSL losses apart."""
    names: dict[str, list[str]] = {phase: ["loss"] for phase in PHASES}
    for wrapper in wrappers:
        criterion = wrapper.criterion
        own = getattr(wrapper, "name", None)  # of mixit
        name = f"{criterion.name}_{own}" if isinstance(own, str) else criterion.name
        names["valid"].append(name)
        if not getattr(criterion, "only_for_test", False):
            names["train"].append(name)
    return names


def _check_once(names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"criterions: found two losses with 'name: {name}' in conf, which "
                "would write over each other in the log; expected a name for each "
                "('loss' is their sum); write 'name: ...' in the conf of one."
            )


def _categories(args: argparse.Namespace) -> list[str]:
    return list(args.model_conf.get("categories") or ())


def _is_logged(
    key: str, names: Sequence[str], wrappers: Sequence[Any], categories: Sequence[str]
) -> bool:
    if key in names:
        return True
    for wrapper in wrappers:
        name = wrapper.criterion.name
        of_ssl = isinstance(wrapper.criterion, SSLLoss) and key.startswith(name)
        if of_ssl and OF_SSL.fullmatch(key.removeprefix(name)):
            return name in names
        if key in [f"{name}_{category}" for category in categories]:
            return name in names
    return key == "signal_gradient_norm" and any(
        getattr(wrapper, "waits", False) for wrapper in wrappers
    )
