"""Fetching with the real apt and dpkg-deb, from a repository in a folder."""

import hashlib
import os
import shutil
import subprocess
import sys

import pytest

from corpus import apt as apt_module
from corpus import fetch
from corpus.packages import Package, packages_for
from espnet2_ext.errors import UserError

pytestmark = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")),
    reason="needs a Debian system (apt-get, dpkg-deb)",
)


def package(name, everywhere=True):
    return Package(name, "tiny", 0.1, "test", "none", f"{name} is lost", everywhere)


def make_deb(folder, name, content="sound"):
    source = folder / f"src-{name}"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "usr/share").mkdir(parents=True)
    (source / "usr/share" / f"{name}.wav").write_text(content)
    control = (
        f"Package: {name}\nVersion: 1.0-1\nArchitecture: all\n"
        "Maintainer: Nobody <nobody@example.org>\nDescription: a test\n"
    )
    (source / "DEBIAN/control").write_text(control)
    deb = folder / f"{name}_1.0-1_all.deb"
    subprocess.run(
        ["dpkg-deb", "--build", source, deb], check=True, capture_output=True
    )
    shutil.rmtree(source)
    data = deb.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    return f"{control}Filename: ./{deb.name}\nSize: {len(data)}\nSHA256: {digest}\n"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two packages; the machine itself has no package lists."""
    folder = tmp_path / "repository"
    folder.mkdir()
    records = [make_deb(folder, name) for name in ("sound-one", "sound-two")]
    (folder / "Packages").write_text("\n".join(records))
    sources = tmp_path / "sources.list"
    sources.write_text(f"deb [trusted=yes] file:{folder} ./\n")
    lists = tmp_path / "machine/partial"
    lists.mkdir(parents=True)
    conf = tmp_path / "machine.conf"
    conf.write_text(
        f'Dir::State::lists "{lists.parent}";\n'
        f'Dir::State::status "{tmp_path / "status"}";\n'
        f'Dir::Cache "{tmp_path / "machine-cache"}";\n'
        f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "/dev/null";\n'
    )
    (tmp_path / "status").touch()
    monkeypatch.setenv("APT_CONFIG", str(conf))
    monkeypatch.setattr(fetch.time, "sleep", lambda seconds: None)
    return folder


def run(root, *packages):
    lines = []
    return fetch.fetch_packages(packages, root, lines.append), lines


def test_empty_machine_lists_mean_a_state_of_our_own(repository, tmp_path):
    root = tmp_path / "downloads"
    trees, lines = run(root, package("sound-one"), package("sound-two"))
    for name in ("sound-one", "sound-two"):
        assert (trees[name] / f"usr/share/{name}.wav").read_text() == "sound"
        assert fetch.deb_name(trees[name]) == f"{name}_1.0-1_all.deb"
    assert any("fetching package lists into" in line for line in lines)
    assert list((root / "apt/state/lists").glob("*_Packages*"))
    assert not list((tmp_path / "machine").glob("*_Packages*"))
    assert any("sound-two 0.0 MB downloaded" in line for line in lines)


def test_finished_packages_need_neither_apt_nor_time(repository, tmp_path, monkeypatch):
    root = tmp_path / "downloads"
    run(root, package("sound-one"))
    monkeypatch.setenv("PATH", "/nowhere")
    trees, lines = run(root, package("sound-one"))
    assert set(trees) == {"sound-one"}
    assert lines == []


def test_package_that_the_release_lacks_is_named_with_its_loss(repository, tmp_path):
    root = tmp_path / "downloads"
    (root / "tree/blanket").mkdir(parents=True)  # no stamp: not unpacked by us
    trees, lines = run(root, package("sound-one"), package("blanket", False))
    assert set(trees) == {"sound-one"}
    packages = packages_for("extended")
    loss = next(p.if_missing for p in packages if p.name == "blanket")
    assert lines[-1] == f"WARNING: blanket is not available here: {loss}"


def test_downloaded_files_are_used_without_apt(repository, tmp_path, monkeypatch):
    root = tmp_path / "downloads"
    (root / "deb").mkdir(parents=True)
    shutil.copy(repository / "sound-one_1.0-1_all.deb", root / "deb")
    monkeypatch.setattr(fetch, "require_apt", lambda: pytest.fail("apt was asked"))
    trees, lines = run(root, package("sound-one"))
    assert set(trees) == {"sound-one"}
    assert "found" in lines[-1]


def test_broken_file_is_downloaded_again(repository, tmp_path):
    root = tmp_path / "downloads"
    (root / "deb").mkdir(parents=True)
    whole = (repository / "sound-one_1.0-1_all.deb").read_bytes()
    (root / "deb/sound-one_1.0-1_all.deb").write_bytes(whole[: len(whole) // 2])
    trees, lines = run(root, package("sound-one"))
    assert (trees["sound-one"] / "usr/share/sound-one.wav").is_file()
    assert any("cannot be unpacked; it is downloaded again" in line for line in lines)


def test_leftovers_of_a_killed_run_are_cleared_and_not_used(repository, tmp_path):
    root = tmp_path / "downloads"
    half = root / "tree/.tmp.sound-one/usr"
    half.mkdir(parents=True)
    unstamped = root / "tree/sound-two"  # made by someone else, or an older layout
    unstamped.mkdir()
    (root / "deb/.tmp.abc").mkdir(parents=True)
    (root / "deb/.tmp.abc/sound-one_1.0-1_all.deb").write_bytes(b"half")
    trees, _ = run(root, package("sound-one"), package("sound-two"))
    assert sorted(trees) == ["sound-one", "sound-two"]
    assert (trees["sound-two"] / "usr/share/sound-two.wav").is_file()
    assert not list(root.glob("*/.tmp.*"))


def test_failing_download_is_tried_again_with_fresh_lists(
    repository, tmp_path, monkeypatch
):
    root = tmp_path / "downloads"
    calls = []
    download = apt_module.Apt.download

    def flaky(self, name, folder, tell=None):
        calls.append(self.where)
        if len(calls) == 1:
            raise UserError("E: connection reset")
        return download(self, name, folder, tell)

    monkeypatch.setattr(apt_module.Apt, "download", flaky)
    trees, lines = run(root, package("sound-one"))
    assert set(trees) == {"sound-one"}
    assert len(calls) == 2
    assert any("connection reset" in line for line in lines)


def test_lasting_failure_says_what_apt_said_and_what_to_do(repository, tmp_path):
    (repository / "sound-one_1.0-1_all.deb").write_bytes(b"another content")
    with pytest.raises(UserError, match=r"(?s)sound-one failed: E: .*run again"):
        run(tmp_path / "downloads", package("sound-one"))
    assert not list((tmp_path / "downloads/deb").iterdir())


def test_sources_that_give_no_lists_are_a_user_error(repository, tmp_path):
    shutil.rmtree(repository)
    with pytest.raises(UserError, match="got no lists"):
        run(tmp_path / "downloads", package("sound-one"))


def test_machine_without_apt_is_told_so(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match="no apt-get"):
        run(tmp_path / "downloads", package("sound-one"))


def test_two_runs_do_not_work_in_one_folder_at_once(tmp_path):
    lines = []
    root = tmp_path / "downloads"
    root.mkdir()
    with fetch._lock(root, lines.append):
        script = (
            "import sys; from pathlib import Path\n"
            "from corpus import fetch\n"
            "say = lambda line: print(line, flush=True)\n"
            "with fetch._lock(Path(sys.argv[1]), say): pass\n"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", script, str(root)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert "waiting for another run" in other.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
    assert other.wait(timeout=20) == 0
    other.stdout.close()


@pytest.mark.network
def test_real_texts_come_from_the_real_mirror(tmp_path):
    wanted = [p for p in packages_for("tiny") if p.name == "asterisk-core-sounds-en"]
    try:
        trees, _ = run(tmp_path, *wanted)
    except UserError as error:
        pytest.skip(f"no Debian mirror can be reached: {error}")
    assert list(trees[wanted[0].name].glob("**/core-sounds-en.txt*"))
