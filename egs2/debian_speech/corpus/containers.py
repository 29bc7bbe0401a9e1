"""Two small archive formats in which packages keep their sounds."""

from __future__ import annotations

import functools
import struct
from collections.abc import Mapping
from pathlib import Path

from espnet2_ext.errors import UserError


def read_member(path: str, member: str) -> bytes:
    """Read one file out of a ``.cat`` or ``.gresource`` container.

    Raises:
        UserError: if the container or the member cannot be read.
    """
    members = open_container(path)
    if member not in members:
        raise UserError(f"{path}: holds no '{member}'; the package has changed.")
    return members[member]


@functools.lru_cache(maxsize=4)
def open_container(path: str) -> Mapping[str, bytes]:
    """Read a container into ``{member name: bytes}``, in the file's order.

    Raises:
        UserError: if it is not what its suffix says.
    """
    data = Path(path).read_bytes()
    try:
        return _read_cat(data) if path.endswith(".cat") else _read_gresource(data)
    except (struct.error, IndexError, RecursionError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable container ({error}).") from error


def _read_cat(data: bytes) -> dict[str, bytes]:
    """Read OpenTTD's sound archive.

    Pairs (offset, length) of little-endian uint32 come first; the first offset is
    also the end of that table, and its top bit marks the newer format. An entry is a
    length byte, the NUL-terminated title, and a RIFF file whose own header tells its
    size (the length in the table is smaller for some entries).
    Source: OpenTTD src/sound.cpp, OpenBankFile (format, not code).
    """
    mask = 0x7FFFFFFF
    end = struct.unpack_from("<I", data)[0] & mask
    sounds: dict[str, bytes] = {}
    for index in range(end // 8):
        offset = struct.unpack_from("<I", data, 8 * index)[0] & mask
        title = data[offset + 1 : offset + 1 + data[offset]]
        start = offset + 1 + data[offset]
        if data[start : start + 4] != b"RIFF":
            raise struct.error(f"entry {index} holds no RIFF file")
        size = struct.unpack_from("<I", data, start + 4)[0] + 8
        name = title.rstrip(b"\0").decode("latin-1")
        sounds[f"{index:02d} {name}"] = data[start : start + size]
    return sounds


def _read_gresource(data: bytes) -> dict[str, bytes]:
    """Read a GLib resource bundle: a GVDB hash table of paths.

    Header: "GVariant", version, options, then (start, end) of the root table, whose
    bloom filter and buckets are skipped: the items are simply all read. An item is
    hash, parent index, key (offset, size), type, value (start, end). A value of type
    'v' is the variant (size, flags, bytes); flag 1 means compressed.
    Source: the GVDB description in GLib (format, not code).
    """
    if data[:8] != b"GVariant":
        raise struct.error("it does not begin with GVariant")
    start, end = struct.unpack_from("<II", data, 16)
    n_bloom, n_buckets = struct.unpack_from("<II", data, start)
    n_bloom &= (1 << 27) - 1  # the upper bits hold the bloom shift
    first = start + 8 + 4 * n_bloom + 4 * n_buckets
    items = list(struct.iter_unpack("<IIIHBxII", data[first:end]))

    def full_name(index: int) -> str:
        _, parent, key, size, *_ = items[index]
        name = data[key : key + size].decode("utf-8")
        return name if parent == 0xFFFFFFFF else full_name(parent) + name

    files: dict[str, bytes] = {}
    for index, (*_, kind, begin, stop) in enumerate(items):
        if kind == ord("v"):
            size, compressed = struct.unpack_from("<II", data, begin)
            if not compressed & 1:  # sounds are stored as they are
                files[full_name(index)] = data[begin + 8 : min(begin + 8 + size, stop)]
    return files
