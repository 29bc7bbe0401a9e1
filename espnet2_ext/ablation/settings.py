"""An ablation: one file of settings, a training configuration for each.

Keys of the file; paths are relative to the recipe's directory::

    base: conf/tuning/train_X.yaml     # everything but the SSL loss
    ssl: conf/ssl/X.yaml               # the criterion that the settings change
    score: [conf/ssl/X.yaml, ...]      # SSL distances that become columns
    compare: [LABEL, ...]              # each row is compared with these
    settings: {GROUP: {LABEL: CHANGES, ...}, ...}

CHANGES are arguments of the criterion or of its wrapper, ``{}`` for none; ``ssl: PATH``
among them begins with another criterion. A list holds such a mapping for each of
several SSL losses; ``[]`` is ``base`` as it is, and ``{base: PATH}`` in a list another.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.enh.fragment import add_loss, read_fragment
from espnet2_ext.enh.loss.conf import SIGNATURE
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver
from espnet2_ext.errors import UserError, unknown_name
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.plan.table import SYSTEM, SystemRow
from espnet2_ext.tasks.config import check_config
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask

KEYS = ("base", "ssl", "score", "compare", "settings")
LABEL = re.compile(r"[\w.+-]+")  # a directory's name, and one word of a list
CONF = set(SIGNATURE.parameters)
WRAPPER_CONF = set(inspect.signature(FixedOrderWithLengthsSolver).parameters)
WRAPPER_CONF -= {"criterion"}


@dataclass(frozen=True)
class Setting:
    """One row of the ablation.

    Attributes:
        group: what is varied.
        label: its name.
        config: the training configuration.
    """

    group: str
    label: str
    config: dict[str, Any]

    def rows(self, expdir: Path, seeds: Sequence[str]) -> list[SystemRow]:
        """Return the row of each seed, as the template names its directory."""
        return [
            SystemRow(
                label=self.label,
                kind=SYSTEM,
                exp=f"{expdir}/{self.label}_seed{seed}",
                seed=seed,
                enhanced="enhanced",
            )
            for seed in seeds
        ]


@dataclass(frozen=True)
class Ablation:
    """What a file of settings says; the module has the attributes."""

    score: tuple[str, ...]
    compare: tuple[str, ...]
    settings: tuple[Setting, ...]

    def select(self, words: Sequence[str]) -> list[Setting]:
        """Choose settings by group or label, none for all; ``compare`` is always in.

        Raises:
            UserError: on a word that is neither.
        """
        names = {name for s in self.settings for name in (s.group, s.label)}
        for word in words:
            if word not in names:
                raise unknown_name("group or label", word, names)
        chosen = {*words, *self.compare} if words else names
        return [s for s in self.settings if chosen & {s.group, s.label}]


def read_ablation(path: Path) -> Ablation:
    """Read a file of settings and make the configurations.

    Raises:
        UserError: if a file cannot be read; on a wrong or missing key, a label that is
            no word or stands twice, or a change that belongs to nothing.
    """
    content = read_yaml(path)
    for key in content:
        if key not in KEYS:
            raise unknown_name(f"key in {path}", key, KEYS)
    for key in KEYS:
        if not content.get(key):
            raise UserError(f"{path}: '{key}' is missing or empty; write '{key}: ...'.")
    score, compare = (_words(path, key, content[key]) for key in ("score", "compare"))
    settings = _settings(path, content)
    labels = [setting.label for setting in settings]
    for label in compare:
        if label not in labels:
            raise unknown_name(f"label in {path}, compare:", label, labels)
    return Ablation(score, compare, tuple(settings))


def _settings(path: Path, content: Mapping) -> list[Setting]:
    base = read_yaml(str(content["base"]))
    found: dict[str, Setting] = {}
    for group, entries in _mapping(f"{path}, settings", content["settings"]).items():
        for key, changes in _mapping(f"{path}, {group}", entries).items():
            label, where = str(key), f"{path}, {group}: {key}"
            if not LABEL.fullmatch(label) or label in found:
                raise UserError(
                    f"{where}: expected a label that no other setting has, of letters, "
                    "digits, and _ . + - for a directory; choose another."
                )
            config = _configure(where, base, content["ssl"], changes)
            found[label] = Setting(str(group), label, config)
    return list(found.values())


def _words(path: Path, key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UserError(f"{path}, {key}: expected a list '[...]', found {value!r}.")
    return tuple(map(str, value))


def _mapping(where: str, value: object) -> Mapping:
    if not isinstance(value, Mapping):
        raise UserError(f"{where}: expected 'name: ...' pairs, found {value!r}.")
    return value


def _configure(where: str, base: dict, ssl: str, changes: object) -> dict[str, Any]:
    """Add an SSL loss to ``base`` for each mapping of ``changes``."""
    config = base
    for found in changes if isinstance(changes, list) else [changes]:
        entry = _mapping(where, found)
        if set(entry) == {"base"}:
            losses = config["criterions"][len(base["criterions"]) :]
            other = read_yaml(str(entry["base"]))
            config = {**other, "criterions": [*other["criterions"], *losses]}
        else:
            config = add_loss(config, _criterion(where, ssl, entry))
    return config


def _criterion(where: str, ssl: str, changes: Mapping) -> dict[str, Any]:
    fragment = read_fragment(str(changes.get("ssl", ssl))).criterion
    confs = {key: dict(fragment.get(key) or {}) for key in ("conf", "wrapper_conf")}
    # sorted: a setting written in another order is the same training
    for key in sorted(changes.keys() - {"ssl"}, key=str):
        if key not in CONF | WRAPPER_CONF:
            names = CONF | WRAPPER_CONF | {"ssl"}
            raise unknown_name(f"key in {where}", key, names)
        confs["conf" if key in CONF else "wrapper_conf"][key] = changes[key]
    return {**fragment, **confs}


def check(settings: Sequence[Setting]) -> None:
    """Build every model and its losses and load their upstreams, as training will.

    Raises:
        UserError: naming each setting that could not be trained, and why.
    """
    problems, models = [], []
    for setting in settings:
        try:
            check_config(setting.config)
            args = {**SSLEnhancementTask.get_default_config(), **setting.config}
            model = SSLEnhancementTask.build_model(argparse.Namespace(**args))
            SSLEnhancementTask.build_optimizers(argparse.Namespace(**args), model)
            models.append(model)  # an upstream stays loaded while a model has it
        except UserError as error:
            problems.append(f"{setting.label}: {error}")
    if problems:
        raise UserError(
            f"{len(problems)} of {len(settings)} settings cannot be trained:\n"
            + "\n".join(problems)
        )
