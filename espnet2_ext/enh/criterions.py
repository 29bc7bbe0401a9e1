"""The losses of a training configuration, checked before anything is built."""

from __future__ import annotations

from espnet2_ext.enh.loss.balance import loss_weight
from espnet2_ext.enh.loss.wrappers.with_lengths import (
    FixedOrderWithLengthsSolver,
    takes_lengths,
)
from espnet2_ext.enh.registration import CRITERIONS, WRAPPERS
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.train.arguments import check_arguments

CRITERION_KEYS = {"name", "conf", "wrapper", "wrapper_conf"}


def check_criterions(criterions: object) -> None:
    """Check the ``criterions:`` of a configuration before anything is built.

    Args:
        criterions: what stands in the YAML; a list of mappings is expected.

    Raises:
        UserError: on a wrong or missing key, an unknown criterion, wrapper or
            argument, a conf that is no mapping (ESPnet fails on an empty ``conf:``),
            a wrapper that drops the lengths a criterion wants, a weight that is not a
            finite number >= 0, or nothing to balance a loss with.
    """
    if not isinstance(criterions, list) or not criterions:
        raise UserError(f"criterions: expected a list of losses, found {criterions!r}.")
    for number, entry in enumerate(criterions, start=1):
        where = f"criterions, entry {number}"
        if not isinstance(entry, dict):
            raise UserError(f"{where}: expected name, conf, wrapper, found {entry!r}.")
        for key in sorted(entry.keys() - CRITERION_KEYS, key=str):
            raise unknown_name(f"key in {where}", key, CRITERION_KEYS)
        for key in sorted({"name", "wrapper", "wrapper_conf"} - entry.keys()):
            raise UserError(f"{where}: '{key}' is missing; add it ('{key}: ...').")
        wrapper_conf = _mapping(where, entry, "wrapper_conf")
        criterion = _choose("criterion", CRITERIONS, entry["name"])
        wrapper = _choose("wrapper", WRAPPERS, entry["wrapper"])
        conf = _mapping(where, entry, "conf")
        check_arguments(f"{where}, conf of '{entry['name']}'", criterion, conf)
        loss_weight(f"{where}: weight", wrapper_conf.get("weight", 1.0))
        given = ("criterion",)
        check_arguments(f"{where}, wrapper_conf", wrapper, wrapper_conf, given)
        _check_lengths(where, entry, criterion, wrapper)
    _check_balance([entry["wrapper_conf"] for entry in criterions])


def _choose(kind: str, classes: dict[str, type], name: object) -> type:
    if not isinstance(name, str) or name not in classes:
        raise unknown_name(kind, name, classes)
    return classes[name]


def _mapping(where: str, entry: dict, key: str) -> dict:
    conf = entry.get(key, {})
    if not isinstance(conf, dict):
        raise UserError(
            f"{where}: expected 'name: value' pairs in {key}, or '{key}: {{}}' for "
            f"none; found {conf!r}."
        )
    return conf


def _check_lengths(where: str, entry: dict, criterion: type, wrapper: type) -> None:
    """Refuse to drop the lengths that a criterion wants, or to want what it lacks."""
    hands_on = issubclass(wrapper, FixedOrderWithLengthsSolver)
    if takes_lengths(criterion) == hands_on:
        return
    name, other = entry["name"], entry["wrapper"]
    if hands_on:
        raise UserError(
            f"{where}: criterion '{name}' takes no lengths, which 'wrapper: {other}' "
            "would give it; use 'wrapper: fixed_order' with it."
        )
    raise UserError(
        f"{where}: found criterion '{name}' under 'wrapper: {other}', which does not "
        "hand on the lengths, so padding would count as speech; use 'wrapper: "
        "fixed_order_with_lengths' with it (speakers in the order of the references)."
    )


def _check_balance(confs: list[dict]) -> None:
    """Of the losses with some weight, one at least must wait for no other."""
    counted = [conf for conf in confs if conf.get("weight", 1.0) != 0]
    waiting = [
        conf
        for conf in counted
        if conf.get("balance", "fixed") != "fixed" or conf.get("log_gradients")
    ]
    if waiting and len(waiting) == len(counted):
        raise UserError(
            "criterions: found 'balance' or 'log_gradients' in every loss whose weight "
            "is not 0; expected a signal loss beside them, such as snr; add one."
        )
