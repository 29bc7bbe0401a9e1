"""Find the files of a trained ESPnet recogniser and make their paths absolute.

A recogniser is weights with ``config.yaml`` beside them, an archive of
``espnet2.bin.pack``, or the tag of one on a hub, ``USER/MODEL``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from espnet2_ext.asr.tags import ARCHIVES, is_tag
from espnet2_ext.errors import UserError, reason_of
from espnet2_ext.fileio.checkpoint import check_file, load_weights
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.fileio.yaml import named, read_yaml

# where a trained configuration names files that decoding needs
NEEDED = (
    ("bpemodel",),
    ("token_list",),
    ("non_linguistic_symbols",),
    ("normalize_conf", "stats_file"),
    ("frontend_conf", "frontend_conf", "path_or_url"),
)
Flags = dict[str, str]


def find_files(model: Path, config: Path | None, folder: Path) -> Flags:
    """Find configuration and weights, unpacking an archive.

    Args:
        model: weights, an archive, or a tag.
        config: of the weights; None means ``config.yaml`` beside them.
        folder: where an archive is unpacked.

    Returns:
        Options of asr_inference without ``--``, with absolute paths.

    Raises:
        UserError: if one is missing or no weights, or the archive is not ESPnet's.
    """
    if is_tag(model):
        return download(str(model))
    if not model.is_file():
        there = sorted(path.name for path in model.parent.glob("*.pth"))
        raise UserError(
            f"{model}: no such file; expected trained weights; give another "
            f"--inference_asr_model or --asr_model_file (there are: {there})."
        )
    if model.name.endswith(ARCHIVES):
        return unpack(model.resolve(), folder.resolve())
    config = config or model.with_name("config.yaml")
    if not config.is_file():
        raise UserError(
            f"{config}: no such file; expected the configuration that training wrote; "
            "give --asr_config."
        )
    load_weights(model, str(model))
    # not resolve(): a link's own place says where relative paths begin
    paths = {"asr_train_config": config, "asr_model_file": model}
    return {name: os.path.abspath(path) for name, path in paths.items()}


def unpack(archive: Path, folder: Path) -> Flags:
    """Unpack what ``espnet2.bin.pack asr`` made, in place of what was there.

    Raises:
        UserError: if it is no such archive, or not of a recogniser.
    """
    from espnet2.main_funcs.pack_funcs import unpack as espnet_unpack

    shutil.rmtree(folder, ignore_errors=True)
    try:
        found = espnet_unpack(archive, folder, use_cache=False)
    except Exception as error:  # whatever zipfile, tarfile and yaml raise
        check_file(archive, str(archive), "an archive of espnet2.bin.pack", b"PK\3\4")
        raise UserError(
            f"{archive}: cannot be unpacked ({error}); expected an archive of "
            "espnet2.bin.pack."
        ) from error
    if not {"asr_train_config", "asr_model_file"} <= found.keys():
        raise UserError(
            f"{archive}: holds {sorted(found)}; expected asr_train_config and "
            "asr_model_file: an archive made by 'espnet2.bin.pack asr'."
        )
    return found


def download(tag: str) -> Flags:
    """Fetch an unpacked model of ``espnet2.bin.pack asr`` from the hub, or its cache.

    Raises:
        UserError: if it cannot be had, or is no recogniser.
    """
    import huggingface_hub

    try:
        folder = Path(huggingface_hub.snapshot_download(tag))
    except Exception as error:  # of the client, of its network library, of both
        raise UserError(
            f"--asr_model_file {tag}: no such file, and no model of a hub that can be "
            f"had ({type(error).__name__}: {reason_of(error)}); expected weights, an "
            f"archive, or a tag; where there is no network, run `hf download {tag}` "
            "elsewhere and copy its cache (HF_HOME)."
        ) from error
    meta = read_yaml(folder / "meta.yaml") if (folder / "meta.yaml").is_file() else {}
    files = {**(meta.get("files") or {}), **(meta.get("yaml_files") or {})}
    needed = ("asr_train_config", "asr_model_file")
    if not files.keys() >= set(needed):
        raise UserError(
            f"--asr_model_file {tag}: its meta.yaml names {sorted(files)}; expected "
            "asr_train_config and asr_model_file: a model of 'espnet2.bin.pack asr'."
        )
    load_weights(folder / files["asr_model_file"], tag)
    return {name: str(folder / files[name]) for name in needed}


def absolute_paths(value: Any, places: Sequence[Path]) -> Any:
    """Replace relative paths of files that exist below one of ``places``."""
    if isinstance(value, dict):
        return {key: absolute_paths(item, places) for key, item in value.items()}
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value  # the token list; its tokens are no paths
    if isinstance(value, list):
        return [absolute_paths(item, places) for item in value]
    if isinstance(value, str) and value and not os.path.isabs(value):
        found = (place / value for place in places if (place / value).is_file())
        return str(next(found, value))
    return value


def config_problems(config: dict[str, Any], fs: str) -> Iterator[str]:
    """Yield what makes the configuration unfit to decode audio of rate ``fs``."""
    import humanfriendly

    for keys in NEEDED:
        value: Any = config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        remote = isinstance(value, str) and "://" in value
        if isinstance(value, str) and not remote and not os.path.isfile(value):
            name = ".".join(keys)
            yield f"{name}: {value}: no such file; keep it where training had it"
    if config.get("frontend", "default") is None:
        yield "frontend: none; expected a recogniser of audio, not of stored features"
        return
    rate = (config.get("frontend_conf") or {}).get("fs", 16000)
    if humanfriendly.parse_size(str(rate)) != humanfriendly.parse_size(fs):
        yield f"frontend_conf.fs: {rate}; expected {fs}, the rate of the audio"


def resolve(flags: Flags, fs: str, out_dir: Path) -> Flags:
    """Write ``config.yaml`` with absolute paths and check it.

    Raises:
        UserError: listing everything that is missing or does not fit.
    """
    source = Path(flags["asr_train_config"])
    config = read_yaml(source)
    if "token_list" not in config:
        raise UserError(f"{source}: not the config.yaml of an ESPnet ASR training.")
    # relative to the directory training ran in: one of those above
    config = absolute_paths(config, source.parents)
    if found := list(config_problems(config, fs)):
        raise UserError(f"{source}:\n" + "\n".join(found))
    with atomic_write(out_dir / "config.yaml") as stream:
        yaml.safe_dump(config, stream, sort_keys=False, allow_unicode=True)
    return {**flags, "asr_train_config": str((out_dir / "config.yaml").absolute())}


def check_decoding(path: Path) -> None:
    """Check a YAML of decoding options (beam_size, ctc_weight ...).

    Raises:
        UserError: if it is none, or has an option or a value that ESPnet does not take.
    """
    content = read_yaml(path)
    from espnet2.bin.asr_inference import get_parser as decoding  # takes seconds

    from espnet2_ext.train.options import check_options

    with named(path):
        check_options(content, decoding())
