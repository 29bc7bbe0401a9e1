"""``conf/ssl/X.yaml``: the ``ssl`` criterion of a training, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.enh.loss.conf import SIGNATURE
from espnet2_ext.errors import UserError, brief, unknown_name
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.ssl.spec import FIELDS, UpstreamSpec
from espnet2_ext.train.arguments import check_arguments

KEYS = ("name", "conf", "wrapper", "wrapper_conf")  # of a criterion
LIKE = "expected one criterion 'name: ssl' with conf, as in conf/ssl/"


@dataclass(frozen=True)
class Fragment:
    """What is in such a file.

    Attributes:
        tag: the stem of the file's name, which names it in tables.
        criterion: the whole entry of ``criterions:``.
    """

    tag: str
    criterion: dict[str, Any]

    @property
    def conf(self) -> dict[str, Any]:
        """The settings of the loss."""
        return self.criterion["conf"]

    @property
    def spec(self) -> UpstreamSpec:
        """The upstream; it has the tag of the fragment."""
        given = {key: self.conf[key] for key in FIELDS if key in self.conf}
        return UpstreamSpec(**given, tag=self.tag)


def read_fragment(path: str | Path) -> Fragment:
    """Read a fragment ``{name: ssl, conf: {upstream: ...}, ...}``.

    Raises:
        UserError: if it cannot be read or has a key twice, is another criterion or
            none, has a key that is not known, or a value of another type.
    """
    entry = read_yaml(path)
    if "criterions" in entry:
        raise UserError(f"{path}: found a training configuration; {LIKE}.")
    for key in sorted(entry.keys() - set(KEYS), key=str):
        raise unknown_name(f"key in {path}", key, KEYS)
    if entry.get("name") != "ssl":
        raise unknown_name(f"criterion in {path}", entry.get("name"), ("ssl",))
    conf = entry.get("conf")
    if not isinstance(conf, dict):
        raise UserError(f"{path}: found conf {brief(conf)}; {LIKE}.")
    if not isinstance(conf.get("upstream"), str):
        found = brief(conf.get("upstream"))
        raise UserError(f"{path}: found upstream {found}; expected a name; {LIKE}.")
    check_arguments(f"conf of {path}", SIGNATURE, conf)
    return Fragment(Path(path).stem, entry)


def read_upstream(value: str) -> UpstreamSpec:
    """Read ``--upstream``: a fragment conf/ssl/<tag>.yaml, or a name of s3prl.

    Raises:
        UserError: if the fragment cannot be read or names no upstream.
    """
    if value.endswith((".yaml", ".yml")):
        return read_fragment(value).spec
    return UpstreamSpec(value)


def add_loss(config: dict, criterion: dict, weight: float | None = None) -> dict:
    """Append ``criterion`` to ``criterions`` of ``config``, with another weight."""
    if weight is not None:
        wrapper_conf = {**criterion.get("wrapper_conf", {}), "weight": weight}
        criterion = {**criterion, "wrapper_conf": wrapper_conf}
    return {**config, "criterions": [*config.get("criterions", []), criterion]}
