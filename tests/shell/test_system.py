"""tools/setup.sh says, or installs, all that a system lacks before anything else."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest
from helpers import ROOT, run

# What the scripts themselves are written with; on every system.
BASIC = ("bash", "cat", "chmod", "cp", "dirname", "env", "grep", "id", "mktemp")
BASIC += ("rm", "sha256sum", "sed", "mkdir", "df", "tail")
PROGRAMS = {
    "awk": "mawk",
    "diff": "diffutils",
    "find": "findutils",
    "flock": "util-linux",
    "hostname": "hostname",
    "dpkg-deb": "dpkg",
    "apt-cache": "apt",
}
PYTHON = """#!/bin/sh
case "$1" in
    probe_python.py) cat "$0.lacks"; exit {code} ;;
    --version) echo "Python {version}" ;;
    -c) case "$2" in *espnet2*) exit 1 ;; esac; exit {works} ;;
    -m) [ "$2" != espnet2_ext.bin.plan ] || exit 0
        echo "$*" by "$0"; exit 9 ;;  # the checks have passed
esac
"""
REACHED = "-m venv venv by "


class System:
    """A checkout and a PATH of its own, complete until something is taken away."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.tools = folder / "checkout/tools"
        self.calls = folder / "apt.calls"
        self.bin.mkdir()
        self.tools.mkdir(parents=True)
        for name in ("setup.sh", "system.sh", "probe_python.py"):
            shutil.copy(ROOT / "tools" / name, self.tools)
        for name in BASIC:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        for name in PROGRAMS:
            self.program(name, "exit 0")
        self.program("gcc", "exit 0")
        self.python("python3")

    def program(self, name: str, body: str) -> None:
        """Put a shell script on the PATH."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def python(
        self, name: str, lacks: str = "", version: str = "3.13.5", works: bool = True
    ) -> None:
        """Put an interpreter there that lacks these packages."""
        code = 0 if version.startswith("3.1") else 3
        body = PYTHON.format(code=code, version=version, works=int(not works))
        (self.bin / name).write_text(body)
        (self.bin / name).chmod(0o755)
        (self.bin / f"{name}.lacks").write_text(
            "".join(f"{x}\n" for x in lacks.split())
        )

    def remove(self, *names: str) -> None:
        """Take programs away."""
        for name in names:
            (self.bin / name).unlink()

    def apt_get(self, install: str) -> None:
        """Become root, with an apt-get that notes its calls and does this."""
        self.program("id", "echo 0")
        self.program("apt-get", f'echo "$*" >>{self.calls}\n{install}')

    def setup(self, *options: str | Path):
        """Run tools/setup.sh on nothing but this system."""
        if not (self.bin / "apt-get").exists():
            self.program("apt-get", f'echo "$*" >>{self.calls}')
        if (self.bin / "id").is_symlink():
            self.remove("id")
            self.program("id", "echo 1000")
        words = [self.tools / "setup.sh", *options]
        return run(words, self.tools.parent, PATH=str(self.bin), CC="")


@pytest.fixture
def system(tmp_path):
    return System(tmp_path)


def names(stderr: str) -> list[str]:
    """Give the packages of the line that root is to run, after checking its form."""
    command = "apt-get update && apt-get install -y --no-install-recommends "
    assert f"as root, run: {command}" in stderr
    return stderr.split(command)[1].split()


def without_programs(system: System) -> list[str]:
    system.remove(*PROGRAMS)
    return list(PROGRAMS.values())


def without_python(system: System) -> list[str]:
    system.remove("python3")
    return ["python3", "python3-venv", "python3-dev"]


def without_compiler(system: System) -> list[str]:
    system.remove("gcc")
    return ["gcc", "libc6-dev"]


def without_libc_headers(system: System) -> list[str]:
    system.program("gcc", 'echo "stdio.h: No such file" >&2; exit 1')
    return ["libc6-dev"]


def without_headers(system: System) -> list[str]:
    system.python("python3", "python3-dev")
    return ["python3-dev"]


def without_venv(system: System) -> list[str]:
    system.python("python3", "python3-venv")
    return ["python3-venv"]


def without_anything(system: System) -> list[str]:
    taken = (without_programs, without_python, without_compiler)
    return [name for take in taken for name in take(system)]


LACKING = [
    *(without_programs, without_python, without_compiler, without_libc_headers),
    *(without_headers, without_venv, without_anything),
]


@pytest.mark.parametrize("take", LACKING)
def test_user_is_told_all_that_is_missing_at_once(system, take):
    expected = take(system)
    done = system.setup()
    assert done.returncode == 1
    assert sorted(names(done.stderr)) == sorted(expected)
    assert len(done.stderr.splitlines()) == 1
    assert not system.calls.exists()
    assert REACHED not in done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_is_named_by_its_package(system, name):
    system.remove(name)
    assert names(system.setup().stderr) == [PROGRAMS[name]]


@pytest.mark.parametrize("take", LACKING)
def test_root_gets_all_that_is_missing_installed_in_one_call(system, take, tmp_path):
    whole = System(another_folder(tmp_path))
    expected = take(system)
    system.apt_get(f'[ "$2" != install ] || cp -a {whole.bin}/* {system.bin}')
    done = system.setup()
    assert f"{REACHED}{system.bin}/python3" in done.stdout, done.stderr
    update, install = system.calls.read_text().splitlines()
    assert update == "-qq update"
    assert install.startswith("-qq install -y --no-install-recommends ")
    assert sorted(install.split()[4:]) == sorted(expected)


def another_folder(folder: Path) -> Path:
    whole = folder / "whole"
    whole.mkdir()
    return whole


def test_root_with_old_package_lists_goes_on(system):
    system.remove("gcc")
    gcc = system.bin / "gcc"
    install = f'printf "#!/bin/sh\\n" >{gcc}; chmod +x {gcc}'
    system.apt_get(f'[ "$2" = install ] || exit 100; {install}')
    done = system.setup()
    assert "WARNING: apt-get update failed" in done.stderr
    assert REACHED in done.stdout


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 100", "apt-get install gcc libc6-dev failed"),
        ("exit 0", "found no gcc libc6-dev after installing gcc libc6-dev"),
    ],
)
def test_root_is_told_what_could_not_be_installed(system, body, said):
    system.remove("gcc")
    system.apt_get(body)
    done = system.setup()
    assert done.returncode == 1
    assert said in done.stderr
    assert REACHED not in done.stdout


def test_nothing_missing_calls_no_apt_get(system):
    system.apt_get("exit 0")
    assert REACHED in system.setup().stdout
    assert not system.calls.exists()


def test_small_disk_is_mentioned(system):
    system.remove("df")
    line = "/dev/vda1 9000000 2000000 6900000 23% /"
    system.program("df", f'printf "Filesystem ...\n%s\n" "{line}"')
    done = system.setup()
    assert "WARNING: found 6 GB free" in done.stderr
    assert REACHED in done.stdout


@pytest.mark.parametrize("other", ["python3.11", "python3.12", "python3.13"])
def test_an_interpreter_that_lacks_nothing_is_taken(system, other):
    system.python("python3", "python3-venv python3-dev")
    system.python(other)
    assert f"{REACHED}{system.bin}/{other}" in system.setup().stdout


def test_the_newest_interpreter_is_taken(system):
    for name in ("python3.11", "python3.13", "python3.12"):
        system.python(name)
    assert f"{REACHED}{system.bin}/python3.13" in system.setup().stdout


def test_packages_are_for_the_systems_own_python(system):
    system.python("python3.11", "python3.11-venv python3.11-dev")
    system.python("python3", "python3-dev")
    assert names(system.setup().stderr) == ["python3-dev"]


def test_another_python_is_completed_where_the_systems_own_is_too_old(system):
    system.python("python3", version="3.9.2")
    system.python("python3.11", "python3.11-venv")
    assert names(system.setup().stderr) == ["python3.11-venv"]


def test_python_that_is_too_old_is_named(system):
    system.python("python3", version="3.9.2")
    done = system.setup()
    assert done.returncode == 1
    assert "found Python 3.9.2; expected Python 3.11 to 3.13" in done.stderr


def test_complete_environment_needs_no_compiler(system):
    system.remove("gcc", "python3")
    environment = system.tools / "venv/bin/python"
    environment.parent.mkdir(parents=True)
    system.python("python3")  # its answer to -c: pesq is there
    shutil.move(system.bin / "python3", environment)
    (system.tools / "venv/complete").touch()
    done = system.setup()
    assert "as root" not in done.stderr
    assert REACHED not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--python", "nowhere/python"], "found --python nowhere/python, which does"),
        (["--dev", "yes"], "found --dev 'yes'; expected true or false"),
        (["--devel", "true"], "found option '--devel'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(system, options, said):
    done = system.setup(*options)
    assert done.returncode == 1
    assert said in done.stderr


# ---- the probe that asks an interpreter --------------------------------------------
@pytest.fixture
def probe(monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "probe_python", ROOT / "tools/probe_python.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(sys, "argv", ["probe_python.py", "python3"])
    return module


@pytest.fixture
def headers(monkeypatch, tmp_path):
    """Headers of this interpreter, whether it has some or not."""
    (tmp_path / "Python.h").touch()
    for name in ("get_config_var", "get_path"):
        monkeypatch.setattr(sysconfig, name, lambda _: str(tmp_path))
    return tmp_path / "Python.h"


def test_probe_finds_headers(probe, headers, monkeypatch, capsys):
    monkeypatch.setattr(probe, "can_make_environments", lambda: True)
    assert probe.main() == 0
    assert capsys.readouterr().out == ""
    headers.unlink()
    assert probe.main() == 0
    assert capsys.readouterr().out == "python3-dev\n"


@pytest.mark.parametrize("module", ["ensurepip", "venv", "ssl", "ctypes"])
def test_probe_tries_what_an_environment_needs(
    probe, headers, module, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, module, None)  # importing it raises
    assert probe.main() == 0
    assert capsys.readouterr().out == "python3-venv\n"


@pytest.mark.parametrize(
    ("version", "code"),
    [((3, 10, 9), 3), ((3, 11, 0), 0), ((3, 13, 9), 0), ((3, 14), 3)],
)
def test_probe_answers_for_the_versions_that_are_supported(
    probe, version, code, monkeypatch
):
    monkeypatch.setattr(sys, "version_info", version)
    assert probe.main() == code


def test_the_versions_are_the_same_everywhere(probe):
    oldest, beyond = probe.OLDEST[1], probe.TOO_NEW[1]
    says = {
        "setup.py": f'python_requires=">=3.{oldest},<3.{beyond}"',
        "tools/check_install.py": f"(3, {oldest}) <= sys.version_info < (3, {beyond})",
        "tools/system.sh": f"expected Python 3.{oldest} to 3.{beyond - 1}",
        "README.md": f"Python 3.{oldest} to 3.{beyond - 1}",
    }
    for name, words in says.items():
        assert words in (ROOT / name).read_text(), name
