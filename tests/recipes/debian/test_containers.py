import io
import struct

import pytest
import soundfile

from corpus.containers import open_container, read_member
from espnet2_ext.errors import UserError
from tests.data.conftest import tone
from tests.recipes.debian.conftest import make_cat


def riff(seconds, seed):
    stream = io.BytesIO()
    soundfile.write(stream, tone(seconds, seed), 16000, format="WAV")
    return stream.getvalue()


def make_gresource(files):
    """Build a GVDB file: one root item a folder, one value item a file."""
    folders = sorted({name.rpartition("/")[0] + "/" for name in files})
    items, blobs = [], b""
    base = 24 + 8 + 24 * (len(folders) + len(files))

    def add(data):
        nonlocal blobs
        at = base + len(blobs)
        blobs += data
        return at, len(data)

    for folder in folders:
        key, size = add(folder.encode())
        items.append(struct.pack("<IIIHBBII", 0, 0xFFFFFFFF, key, size, 76, 0, 0, 0))
    for name, (content, flags) in files.items():
        folder, _, leaf = name.rpartition("/")
        key, size = add(leaf.encode())
        value = struct.pack("<II", len(content), flags) + content + b"\0(uuay)"
        start, length = add(value)
        parent = folders.index(folder + "/")
        items.append(
            struct.pack(
                "<IIIHBBII", 0, parent, key, size, 118, 0, start, start + length
            )
        )
    table = struct.pack("<II", 0, 0) + b"".join(items)
    header = b"GVariant" + struct.pack("<IIII", 0, 0, 24, 24 + len(table))
    return header + table + blobs


def test_cat_gives_each_sound_whole_under_its_title(tmp_path):
    sounds = {'"Crash". Original "crash.wav" by X': riff(0.3, 1), '"Wind"': riff(1, 2)}
    path = tmp_path / "opensfx.cat"
    path.write_bytes(make_cat(sounds))
    found = open_container(str(path))
    assert list(found.values()) == list(sounds.values())
    assert [name[3:] for name in found] == list(sounds)


def test_gresource_gives_uncompressed_files_under_their_full_names(tmp_path):
    files = {
        "/com/app/sounds/rain.ogg": (b"OggS" + bytes(range(200)), 0),
        "/com/app/sounds/boat.ogg": (b"OggSboat", 0),
        "/com/app/ui/main.ui": (b"<packed>", 1),
    }
    path = tmp_path / "blanket.gresource"
    path.write_bytes(make_gresource(files))
    found = open_container(str(path))
    assert found == {name: body for name, (body, flags) in files.items() if not flags}


@pytest.mark.parametrize("name", ["opensfx.cat", "blanket.gresource"])
@pytest.mark.parametrize("content", [b"", b"\x10\0\0\0\0\0\0\0" * 3, b"x" * 100])
def test_damaged_container_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=name):
        open_container(str(path))


def test_unknown_member_is_named(tmp_path):
    path = tmp_path / "opensfx.cat"
    path.write_bytes(make_cat({"Wind": riff(0.1, 1)}))
    with pytest.raises(UserError, match="holds no 'Rain'"):
        read_member(str(path), "Rain")
