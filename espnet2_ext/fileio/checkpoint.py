"""Reading checkpoints of torch, and recognising files that are something else.

Common mistakes are a git-lfs pointer, an HTML page, an interrupted download, and a file
of another library. The first bytes of a file tell them apart.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError, brief

HEAD = 1024  # bytes looked at
# how a file begins -> what it is, what to do
BEGINNINGS: dict[bytes, tuple[str, str]] = {
    b"version https://git-lfs": (
        "a git-lfs pointer, not the file itself",
        "run 'git lfs pull' where it was cloned",
    ),
    b"/annex/objects": (
        "a git-annex pointer, not the file itself",
        "run 'git annex get' where it was cloned",
    ),
    b"../.git/annex": (
        "a git-annex pointer, not the file itself",
        "run 'git annex get' where it was cloned",
    ),
    b"RIFF": ("a WAV file", ""),
    b"fLaC": ("a FLAC file", ""),
    b"OggS": ("an Ogg file", ""),
    b"\x1f\x8b": ("a gzip archive", "unpack it first"),
    b"\xfd7zXZ": ("an xz archive", "unpack it first"),
    b"BZh": ("a bzip2 archive", "unpack it first"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first"),
    b"Rar!": ("a RAR archive", "unpack it first"),
    b"\x93NUMPY": ("a NumPy array", ""),
    b"\x89HDF": ("an HDF5 file (Keras, TensorFlow)", ""),
    b"GGUF": ("a GGUF file (llama.cpp, whisper.cpp)", ""),
    b"lmgg": ("a GGML file (whisper.cpp)", ""),
    b"%PDF": ("a PDF file", ""),
    b"PK\x05\x06": ("an empty zip archive", ""),
}
SAFETENSORS = (
    "a safetensors file (Hugging Face)",
    "convert it to a torch checkpoint in the format that is read here",
)
HTML = (
    "an HTML page, not the file itself",
    "download the file that the page shows (on Hugging Face 'resolve', not 'blob'; on "
    "GitHub 'raw')",
)
OBJECTS = "objects of a program beside weights, such as fairseq's or a whole model"


def check_file(
    path: str | Path,
    what: str,
    expected: str = "a checkpoint of torch (.pt, .pth)",
    accept: bytes = b"",
) -> None:
    """Refuse a file whose first bytes show that it is no checkpoint of torch.

    Args:
        path: the file.
        what: name of the file in the message, e.g. ``"path_or_url 'x.pt'"``.
        expected: kind of file in the message.
        accept: first bytes of another kind of file that is accepted.

    Raises:
        UserError: if it cannot be read, is a folder, or is something else.
    """
    try:
        with open(path, "rb") as stream:
            head = stream.read(HEAD)
    except IsADirectoryError as error:
        inside = sorted(p.name for p in Path(path).iterdir())[:8]
        raise UserError(
            f"{what}: found a folder (with {', '.join(inside) or 'nothing'}); expected "
            f"{expected}, one file; name that file."
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, FileNotFoundError):
            reason = "no such file"
        raise UserError(
            f"{what}: {reason}; expected {expected}; correct path or permissions."
        ) from error
    if accept and head.startswith(accept):
        return
    found = _known(head) or _zip(Path(path), head)
    if found:
        kind, do = found
        raise UserError(
            f"{what}: found {kind}; expected {expected}; {do or 'name another file'}."
        )


def _known(head: bytes) -> tuple[str, str] | None:
    """Return kind and advice for a file by its first bytes; None for a checkpoint."""
    if not head:
        return "an empty file", "download or copy it again"
    for start, found in BEGINNINGS.items():
        if head.startswith(start):
            return found
    if not head.strip(b"\0"):
        return "nothing but zeros", "download or copy it again"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return HTML
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return SAFETENSORS
    if text.startswith((b"{", b"[")):
        return "JSON (a config.json is no weights)", ""
    if head[257:262] == b"ustar":
        return "a tar archive", "unpack it first"
    if not set(head) - set(range(32, 127)) - set(b"\t\r\n"):
        return f"text, {brief(head[:60].decode())}", ""
    return None


def _zip(path: Path, head: bytes) -> tuple[str, str] | None:
    """Return kind and advice for a zip; torch's checkpoints are zips since 1.6."""
    if not head.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return "a checkpoint that is cut off", "download or copy it again"
    if any(name.endswith("constants.pkl") for name in names):
        return "a TorchScript program", "give the weights that it was made of"
    if any(name.endswith("data.pkl") for name in names):
        return None
    if "meta.yaml" in names:
        return "an archive of espnet2.bin.pack", "unpack it, and name the .pth in it"
    return f"a zip archive of other files ({', '.join(names[:3])} ...)", ""


def load(path: str | Path, what: str) -> Any:
    """Load a checkpoint of tensors and plain values, on the CPU.

    Raises:
        UserError: as `check_file`; if it is cut off or broken, or holds other objects.
    """
    import torch

    check_file(path, what)
    try:
        # mapped, a large file costs nothing before its weights are used
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # pickle, zip and torch each have their own
        text = str(error)
        if "Unsupported global" in text or "Unsupported class" in text:
            raise UserError(
                f"{what}: found {OBJECTS}; expected tensors by name; give the weights "
                "alone."
            ) from error
        raise UserError(
            f"{what}: found a checkpoint that is cut off or broken "
            f"({text.strip().splitlines()[0][:120] if text.strip() else error!r}); "
            "expected a whole one; download or copy it again."
        ) from error


def load_weights(path: str | Path, what: str) -> dict[str, Any]:
    """Load the weights of a model: tensors by name.

    Raises:
        UserError: as `load`; if it holds something else.
    """
    import torch

    state = load(path, what)
    if isinstance(state, Mapping) and isinstance(state.get("module"), Mapping):
        state = state["module"]  # of DeepSpeed, as ESPnet reads it
    if not isinstance(state, Mapping) or not state:
        raise UserError(
            f"{what}: found {brief(type(state).__name__)} without weights; expected "
            "tensors by name; name another file."
        )
    odd = [str(key) for key, v in state.items() if not isinstance(v, torch.Tensor)]
    if not odd:
        return dict(state)
    if {"model", "optimizers"} <= state.keys():
        raise UserError(
            f"{what}: found the checkpoint of a training (with {', '.join(odd[:5])}); "
            "expected the weights of a model; give a file beside it, such as "
            "valid.loss.ave.pth."
        )
    raise UserError(
        f"{what}: found the entries {', '.join(odd[:5])}; expected tensors by name "
        "alone; name another file."
    )
