"""Downloads from a server on this machine: cut, wrong, resumed, unpacked."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from espnet2_ext.bin import corpora as command
from espnet2_ext.corpora import download
from espnet2_ext.corpora.archives import ARCHIVES, Archive, find_archives
from espnet2_ext.errors import UserError

FILES = {"Tiny/part/a.flac": b"a" * 5000, "Tiny/part/b.txt": b"words"}


def tarball(files=FILES) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=0) as packed:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def zipped(files=FILES) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return stream.getvalue()


class Server:
    """Serves one file; ``cut`` bytes at most an answer, with or without ranges."""

    def __init__(self) -> None:
        self.content, self.cut, self.ranges, self.status = tarball(), 0, True, 0
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        wanted = to.headers.get("Range", "bytes=0-")
        self.asked.append((to.path, wanted))
        start = int(wanted[6:-1]) if self.ranges else 0
        if self.status or start >= len(self.content) or "missing" in to.path:
            to.send_error(self.status or (404 if "missing" in to.path else 416))
            return
        rest = self.content[start:]
        to.send_response(206 if self.ranges else 200)
        to.send_header("Content-Length", str(len(rest)))
        to.end_headers()
        to.wfile.write(rest[: self.cut] if self.cut else rest)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSE", 0.0)
    one = Server()
    yield one
    one.http.shutdown()


def archive_of(server: Server, *paths: str, **changes: object) -> Archive:
    fields: dict = {
        "corpus": "tiny",
        "part": "part",
        "urls": tuple(f"{server.url}/{path}" for path in paths or ("tiny.tar.gz",)),
        "holds": "Tiny/part",
        "size": len(server.content),
        "checksum": f"md5:{hashlib.md5(server.content).hexdigest()}",
    }
    return Archive(**{**fields, **changes})


def unpacked(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.name[0] != "."
    }


@pytest.mark.parametrize("pack", [tarball, zipped])
def test_archive_is_unpacked_once_and_not_kept(server, tmp_path, pack):
    server.content = pack()
    archive = archive_of(server)
    said: list[str] = []
    download.fetch(archive, tmp_path, said.append)
    assert unpacked(tmp_path) == FILES
    asked = len(server.asked)
    download.fetch(archive, tmp_path, said.append)
    assert len(server.asked) == asked
    assert "kept" in said[-1]


def test_cut_connection_is_continued_where_it_was(server, tmp_path):
    server.cut = 2000
    download.fetch(archive_of(server), tmp_path)
    assert unpacked(tmp_path) == FILES
    starts = [int(wanted[6:-1]) for _, wanted in server.asked]
    assert starts == list(range(0, len(server.content), 2000))


def test_download_that_was_killed_goes_on(server, tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(server.content[:3000])
    download.fetch(archive_of(server), tmp_path)
    assert server.asked == [("/tiny.tar.gz", "bytes=3000-")]
    assert unpacked(tmp_path) == FILES


def test_server_without_ranges_sends_it_all_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "tiny.tar.gz.part").write_bytes(b"x" * 3000)
    download.fetch(archive_of(server), tmp_path)
    assert unpacked(tmp_path) == FILES


def test_whole_file_of_unknown_size_is_not_asked_for_again(server, tmp_path):
    (tmp_path / "tiny.tar.gz.part").write_bytes(server.content)
    download.fetch(archive_of(server, size=0), tmp_path)
    assert unpacked(tmp_path) == FILES


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 7}, r"found \d+ bytes; expected 7; kept as"),
        ({"checksum": "md5:00"}, r"found md5 [0-9a-f]{32}; expected 00; kept as"),
        ({"checksum": "sha256:00"}, r"found sha256 [0-9a-f]{64}; expected 00"),
        ({"holds": "Other/part"}, r"found Tiny; expected Other/part"),
    ],
)
def test_another_file_than_the_published_one_is_refused(
    server, tmp_path, change, message
):
    with pytest.raises(UserError, match=message):
        download.fetch(archive_of(server, **change), tmp_path)
    assert not (tmp_path / "Tiny").exists()
    if "holds" not in change:
        assert [p.suffix for p in tmp_path.glob("*.wrong")] == [".wrong"]


def test_next_address_is_tried_where_one_has_nothing(server, tmp_path):
    archive = archive_of(server, "missing/tiny.tar.gz", "b/tiny.tar.gz")
    download.fetch(archive, tmp_path)
    assert [path for path, _ in server.asked] == [
        "/missing/tiny.tar.gz",
        "/b/tiny.tar.gz",
    ]
    assert unpacked(tmp_path) == FILES


def test_no_address_at_all_says_what_each_said(server, tmp_path):
    archive = archive_of(server, "missing/tiny.tar.gz", "missing/b.tar.gz")
    with pytest.raises(UserError, match=r"no address gave it: .*404.*404.* by hand"):
        download.fetch(archive, tmp_path)


def test_address_that_nobody_answers_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0.0)
    dead = Archive("tiny", "part", ("http://127.0.0.1:9/tiny.tar.gz",), "Tiny/part")
    with pytest.raises(UserError, match=r"tiny:part: no address gave it: .*refused"):
        download.fetch(dead, tmp_path)


def test_file_that_is_no_archive_is_named(server, tmp_path):
    server.content = b"<html>moved</html>"
    with pytest.raises(UserError, match=r"tiny\.tar\.gz: cannot be unpacked"):
        download.fetch(archive_of(server), tmp_path)


def test_kill_while_unpacking_leaves_nothing_that_looks_complete(
    server, tmp_path, monkeypatch
):
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    archive = archive_of(server)
    with monkeypatch.context() as patch:
        patch.setattr(download, "_merge", killed)
        with pytest.raises(KeyboardInterrupt):
            download.fetch(archive, tmp_path)
    assert not (tmp_path / "Tiny").exists()
    asked = len(server.asked)
    download.fetch(archive, tmp_path)
    assert unpacked(tmp_path) == FILES
    assert len(server.asked) == asked


def test_parts_of_a_corpus_share_a_folder(server, tmp_path):
    download.fetch(archive_of(server), tmp_path)
    server.content = tarball({"Tiny/other/c.flac": b"c", "Tiny/README": b"two"})
    other = archive_of(server, "other.tar.gz", part="other", holds="Tiny/other")
    download.fetch(other, tmp_path)
    assert set(unpacked(tmp_path)) == {*FILES, "Tiny/other/c.flac", "Tiny/README"}


def test_path_out_of_the_folder_is_not_followed(server, tmp_path):
    server.content = tarball({"../evil": b"x", **FILES})
    with pytest.raises(UserError, match="cannot be unpacked"):
        download.fetch(archive_of(server), tmp_path / "corpora")
    assert not (tmp_path / "evil").exists()


def test_no_room_is_said_before_anything_is_downloaded(server, tmp_path):
    with pytest.raises(UserError, match=r"GB free; expected \d+\.\d for tiny:part"):
        download.fetch(archive_of(server, size=10**15), tmp_path)
    assert not server.asked


def test_every_archive_is_described_whole():
    assert {name.partition(":")[0] for name in ARCHIVES} == {
        *("librispeech", "musan", "rirs_noises", "demand", "voicebank_demand"),
    }
    for name, archive in ARCHIVES.items():
        assert archive.name == name
        assert archive.licence
        assert archive.file.endswith((".zip", ".tar.gz"))
        assert all(url.startswith("https://") for url in archive.urls)
        kind, _, value = archive.checksum.partition(":")
        assert (kind, len(value)) in (("md5", 32), ("sha256", 64), ("", 0))
    assert len(ARCHIVES) == 7 + 1 + 1 + 17 + 10


def test_names_are_looked_up_and_close_ones_suggested():
    assert [a.part for a in find_archives(["librispeech:dev-clean"])] == ["dev-clean"]
    assert len(find_archives(["demand", "demand:TBUS"])) == 17
    with pytest.raises(UserError, match="Did you mean 'librispeech'"):
        find_archives(["librispeach"])
    with pytest.raises(UserError, match="Did you mean 'librispeech:dev-clean'"):
        find_archives(["librispeech:devclean"])


def test_command_lists_and_downloads(server, tmp_path, monkeypatch, capsys):
    command.main([])
    listed = capsys.readouterr().out
    assert "librispeech:train-clean-100" in listed
    assert "6,387 MB" in listed
    monkeypatch.setattr(command, "find_archives", lambda words: [archive_of(server)])
    with pytest.raises(UserError, match="found no --to"):
        command.main(["--download", "tiny"])
    command.main(["--download", "tiny", "--to", str(tmp_path), "--keep_archives"])
    assert (tmp_path / "tiny.tar.gz").exists()
    assert (tmp_path / "Tiny/part/b.txt").read_bytes() == b"words"
