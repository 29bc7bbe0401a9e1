"""setup.py and the pins of tools/ agree; every file of the package is packaged."""

import itertools
import re
import runpy
import subprocess
import sys

import pytest
import setuptools
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

FILES = [ROOT / "tools" / f"requirements{dev}.txt" for dev in ("", "-dev")]
# a comment "# [EXTRA]: ..." opens the packages that only this extra needs
SECTION = re.compile(r"^# \[(\w+)\]:.*\n((?:[\w.-]+.*\n)+)", re.M)


@pytest.fixture
def asked(monkeypatch) -> dict[str, list[Requirement]]:
    """What setup.py asks for, by extra; "" is the package itself."""
    given = {}
    monkeypatch.setattr(setuptools, "setup", lambda **options: given.update(options))
    runpy.run_path(str(ROOT / "setup.py"))
    groups = {"": given["install_requires"], **given["extras_require"]}
    return {extra: list(map(Requirement, lines)) for extra, lines in groups.items()}


def pins(text: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def test_every_package_that_setup_asks_for_is_pinned_to_a_version_it_accepts(asked):
    pinned = pins("".join(path.read_text() for path in FILES))
    for requirement in itertools.chain(*asked.values()):
        name = canonicalize_name(requirement.name)
        found = [pin for pin in pinned if canonicalize_name(pin.name) == name]
        assert found, name
        for pin in found:
            for one in pin.specifier:
                if one.operator == "==":
                    assert requirement.specifier.contains(one.version), name


def test_packages_pinned_for_an_extra_are_those_it_asks_for(asked):
    sections = dict(SECTION.findall("".join(path.read_text() for path in FILES)))
    assert set(sections) == set(asked) - {""}
    for extra, lines in sections.items():
        assert names(pins(lines)) <= names(asked[extra]), extra


def test_every_file_of_the_package_is_packaged(tmp_path):
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_py", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    package = ROOT / "espnet2_ext"
    there = {path.relative_to(ROOT) for path in package.rglob("*") if path.is_file()}
    there = {path for path in there if path.suffix != ".pyc"}
    packaged = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    # the map is for readers of the repository
    assert there - packaged <= {package.relative_to(ROOT) / "README.md"}
