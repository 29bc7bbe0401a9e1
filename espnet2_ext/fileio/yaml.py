"""Reading YAML, with file and line in every message.

The dialect is ESPnet's: YAML 1.1 in UTF-8; a byte-order mark, CRLF and anchors are
allowed. Unlike PyYAML, which keeps the last, duplicate keys are refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from espnet2_ext.errors import UserError, brief

MOST_VALUES = 1_000_000  # with all anchors expanded
DO = "correct it, or give another file."


class UniqueKeyLoader(yaml.SafeLoader):
    """Refuse duplicate keys in a mapping; PyYAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Check the keys as written, before ``<<`` adds others."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag.endswith(":merge"):
                continue
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, Hashable) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"found {brief(key)} twice", key_node.start_mark
                )
            if isinstance(key, Hashable):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path, *, empty_ok: bool = False) -> dict[str, Any]:
    """Read a YAML mapping.

    Args:
        path: the file.
        empty_ok: return an empty mapping for a file without values.

    Raises:
        UserError: with file and line, if the file is missing, a folder, unreadable,
            empty, not UTF-8, no YAML or no mapping; if a tab indents; if a key is
            duplicate or no text; if an anchor contains itself.
    """
    text = _read_text(Path(path))
    try:
        content = yaml.load(text, UniqueKeyLoader)
        _check_size(content, {}, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else f"{path}"
        raise UserError(f"{where}: {_explain(error)}; {DO}") from error
    except RecursionError as error:
        raise UserError(
            f"{path}: found values nested too deep, or in themselves; {DO}"
        ) from error
    except Exception as error:  # PyYAML on 2024-99-99, !!float and more of the kind
        found = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"{path}: cannot be read as YAML ({found}); {DO}") from error
    if content is None and empty_ok:
        return {}
    if content is None:
        raise UserError(f"{path}: is empty; expected 'key: value' lines; {DO}")
    if not isinstance(content, dict):
        kinds = ((list, "a list"), (str, "text"), (object, "one value"))
        kind = next(name for cls, name in kinds if isinstance(content, cls))
        raise UserError(
            f"{path}: found {kind}, {brief(content)}; expected 'key: value' lines; {DO}"
        )
    for key in content:
        if not isinstance(key, str):
            raise UserError(
                f"{path}: found the key {brief(key)}; expected a name (YAML reads on, "
                f"off, yes and no as true and false, unless quoted); {DO}"
            )
    return content


@contextmanager
def named(path: object) -> Iterator[None]:
    """Prefix a ``UserError`` with the name of a file; None changes nothing."""
    try:
        yield
    except UserError as error:
        if not isinstance(path, (str, Path)) or str(error).startswith(str(path)):
            raise
        raise UserError(f"{path}: {error}") from error


def _read_text(path: Path) -> str:
    """Read UTF-8 with or without a byte-order mark."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: cannot be read ({reason}); expected a YAML file; name another."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}:{line}: found bytes that are not UTF-8; expected YAML in UTF-8; "
            "save it as UTF-8, or give another file."
        ) from error


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or str(error.context)
    if "'\\t'" in problem:
        return "found a tab; expected spaces, YAML's only indentation"
    if problem.endswith("twice"):
        return f"{problem}; expected every key once"
    if "expected a single document" in str(error.context):
        return "found a second document ('---'); expected one"
    context = f"{error.context}, " if error.context else ""
    return f"cannot be read as YAML ({context}{problem})"


def _check_size(value: object, sizes: dict[int, int], above: tuple[int, ...]) -> int:
    """Count the values with all anchors expanded, as they would be printed.

    Raises:
        ValueError: if there are too many.
        RecursionError: if a value contains itself.
    """
    if not isinstance(value, (Mapping, list)):
        return 1
    if id(value) in above:
        raise RecursionError
    if id(value) not in sizes:
        inner = value.values() if isinstance(value, Mapping) else value
        below = (*above, id(value))
        sizes[id(value)] = 1 + sum(_check_size(x, sizes, below) for x in inner)
    if sizes[id(value)] > MOST_VALUES:
        raise ValueError("its anchors stand for more than a million values")
    return sizes[id(value)]
