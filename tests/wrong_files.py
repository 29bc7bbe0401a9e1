"""What people give in place of a checkpoint, each as one file (or folder)."""

from __future__ import annotations

import json
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


def write_weights(path: Path, value: float = 0.0) -> Path:
    """Write what a training saves of a model, of one weight."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(OrderedDict(weight=torch.full((1,), value)), path)
    return path


def _cut(path: Path, start: Path) -> None:
    torch.save({"weight": torch.zeros(5000)}, start)
    path.write_bytes(start.read_bytes()[:9000])


def _legacy_cut(path: Path, start: Path) -> None:
    state = {"weight": torch.zeros(5000)}
    torch.save(state, start, _use_new_zipfile_serialization=False)
    path.write_bytes(start.read_bytes()[:9000])


def _safetensors(path: Path, start: Path) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


def _zip(path: Path, start: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def _folder(path: Path, start: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text("{}")


def _script(path: Path, start: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))


def _objects(path: Path, start: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), path)


def _training(path: Path, start: Path) -> None:
    state = {"model": {"weight": torch.zeros(1)}, "optimizers": [], "reporter": {}}
    torch.save(state, path)


def _text(text: str):
    return lambda path, start: path.write_text(text)


def _bytes(data: bytes):
    return lambda path, start: path.write_bytes(data)


# name -> how it is written, what a message must call it
WRONG = {
    "git-lfs pointer": (_text(POINTER), "git-lfs pointer"),
    "git-annex pointer": (_text("/annex/objects/MD5-s1--a\n"), "git-annex pointer"),
    "HTML": (_text("\n<!DOCTYPE html>\n<html></html>"), "HTML page"),
    "HTML of an old server": (_text("<HTML><BODY>404"), "HTML page"),
    "empty": (_bytes(b""), "empty file"),
    "zeros": (_bytes(bytes(5000)), "nothing but zeros"),
    "safetensors": (_safetensors, "safetensors file"),
    "config.json": (_text('{"model_type": "hubert"}'), "JSON"),
    "YAML": (_text("encoder: stft\n"), "text, 'encoder: stft"),
    "folder": (_folder, r"folder \(with config.json\)"),
    "cut off": (_cut, "cut off"),
    "cut off, old format": (_legacy_cut, "cut off or broken"),
    "zip": (_zip, r"zip archive of other files \(readme.txt"),
    "gzip": (_bytes(b"\x1f\x8b\x08" + bytes(range(99))), "gzip archive"),
    "HDF5": (_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(99))), "HDF5"),
    "GGML": (_bytes(b"lmgg" + bytes(range(99))), "GGML"),
    "WAV": (_bytes(b"RIFF" + bytes(range(99))), "WAV file"),
    "TorchScript": (_script, "TorchScript"),
    "noise": (_bytes(bytes(range(255, 100, -1))), "cut off or broken"),
    "a whole model": (_objects, "objects of a program"),
}
# only where the weights of a model are expected
NO_WEIGHTS = {"checkpoint of a training": (_training, "checkpoint of a training")}


def make_wrong(name: str, path: Path) -> str:
    """Write one, and return what a message must call it (a regular expression)."""
    write, called = {**WRONG, **NO_WEIGHTS}[name]
    write(path, path.with_name("whole"))
    return called
