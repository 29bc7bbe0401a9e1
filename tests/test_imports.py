"""Which room imports which: the map in espnet2_ext/README.md, and three walls."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "espnet2_ext"
JOBS = ROOT / "egs2/TEMPLATE/enh_ssl1/utils/jobs"
MAP = PACKAGE / "README.md"


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the package."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imports_of(path: Path) -> Iterator[str]:
    """Yield what a file imports, inside of functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield whole if whole in FILES else str(node.module)


def ours(module: str) -> list[str]:
    return [name for name in imports_of(FILES[module]) if name in FILES]


def room_of(module: str) -> str:
    return f"{module}.__init__".split(".")[1]


def test_what_is_imported_exists() -> None:
    """Of our own names; an import within a function would be missed until it runs."""
    missing = [
        f"{module}: {node.module}.{alias.name}"
        for module, path in FILES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        and str(node.module).startswith(PACKAGE.name)
        for alias in node.names
        if f"{node.module}.{alias.name}" not in FILES
        and alias.name not in names_in(str(node.module))
    ]
    assert missing == []


def names_in(module: str) -> set[str]:
    """Return all names that a module defines, imports or uses."""
    if module not in FILES:
        return set()
    found = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name)
    return found


def floors() -> dict[str, int]:
    """Read the map: a room's floor, counted from the ground up."""
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", MAP.read_text("utf-8"), re.MULTILINE)
    return {
        room.rstrip("/"): int(floor)
        for floor, rooms in rows
        for room in re.findall(r"`(\w+)(?:/|\.py)?`", rooms)
    }


def test_map_has_every_room_and_no_other() -> None:
    rooms = {room_of(module) for module in FILES} - {"__init__", "__main__"}
    assert set(floors()) == rooms


@pytest.mark.parametrize("module", sorted(FILES))
def test_no_import_runs_upward(module: str) -> None:
    floor = floors()
    here = floor.get(room_of(module), max(floor.values()) + 1)
    upward = [
        f"{module} -> {name}"
        for name in ours(module)
        if room_of(name) != room_of(module) and floor.get(room_of(name), 0) >= here
    ]
    assert upward == []


def test_modules_have_no_circle() -> None:
    graph = {module: set(ours(module)) - {module} for module in FILES}
    try:
        list(graphlib.TopologicalSorter(graph).static_order())
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_job_wrappers_import_nothing_of_ours() -> None:
    """They start before there is an environment."""
    own = {path.stem for path in JOBS.rglob("*.py")} | {"jobs"}
    allowed = own | sys.stdlib_module_names
    found = [
        f"{path.name} -> {name}"
        for path in JOBS.rglob("*.py")
        for name in absolute_imports(path)
        if name.split(".")[0] not in allowed
    ]
    assert found == []


def absolute_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield str(node.module)


def test_loss_needs_no_espnet_outside_of_criterions_and_wrappers() -> None:
    loss = PACKAGE / "enh" / "loss"
    found = [
        f"{path.relative_to(loss)} -> {name}"
        for path in loss.rglob("*.py")
        if path.parent.name not in ("criterions", "wrappers")
        for name in imports_of(path)
        if name.split(".")[0] == "espnet2" or name.startswith("espnet2_ext.tasks")
    ]
    assert found == []


def test_plain_loss_and_report_do_not_load_what_they_do_not_need() -> None:
    """What is imported once a module has been, with everything below it."""
    for module, heavy in (
        ("espnet2_ext.bin.report", "torch"),
        ("espnet2_ext.enh.loss.ssl_distance", "espnet2"),
        ("espnet2_ext.bin.plan", "numpy"),
        ("espnet2_ext.bin.fingerprint", "numpy"),
    ):
        code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
        assert done.returncode == 0, f"{module} imports {heavy}"


NAMED = re.findall(r"`([\w/]+\.(?:py|sh))(?::(\w+))?`", MAP.read_text("utf-8"))


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_what_the_map_names_exists(path: str, name: str) -> None:
    file = next((b / path for b in (PACKAGE, ROOT) if (b / path).is_file()), None)
    assert file is not None, path
    text = file.read_text(encoding="utf-8")
    assert not name or re.search(rf"^(?:def|class) {name}\b|^{name} =", text, re.M)
