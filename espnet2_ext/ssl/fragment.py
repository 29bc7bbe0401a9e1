"""``conf/ssl/X.yaml``: the ``ssl`` criterion of a training, in a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, brief, unknown_name
from espnet2_ext.fileio.yaml import read_yaml

LIKE = "expected one criterion 'name: ssl' with conf, as in conf/ssl/"


def read_ssl_fragment(path: str | Path) -> dict[str, Any]:
    """Read a fragment ``{name: ssl, conf: {upstream: ...}, ...}``.

    Raises:
        UserError: if it cannot be read, or is another criterion or none.
    """
    entry = read_yaml(path)
    if "criterions" in entry:
        raise UserError(f"{path}: found a training configuration; {LIKE}.")
    if entry.get("name") != "ssl":
        raise unknown_name(f"criterion in {path}", entry.get("name"), ("ssl",))
    conf = entry.get("conf")
    if not isinstance(conf, dict):
        raise UserError(f"{path}: found conf {brief(conf)}; {LIKE}.")
    if not isinstance(conf.get("upstream"), str):
        found = brief(conf.get("upstream"))
        raise UserError(f"{path}: found upstream {found}; expected a name; {LIKE}.")
    return entry
