"""Which upstream, as one value.

A YAML file has the fields flat among others (``upstream: wavlm_local``,
``path_or_url: x.pt``); in Python they are one ``UpstreamSpec``.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.checks import flag, optional_mapping, optional_path, text
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.digest import hash_file

FORMAT = 1  # of stored features; raised when the code computes others


@dataclass(frozen=True)
class UpstreamSpec:
    """Which upstream, and what its features depend on besides the signal.

    Attributes:
        upstream: an s3prl upstream name, or ``whisper_local``, ``whisper_tiny_en`` or
            ``hubert_debian_small``.
        path_or_url: checkpoint of a ``*_local``, ``*_custom`` or ``*_url`` upstream.
        download_dir: where s3prl keeps what it downloads.
        extra_conf: further arguments of the s3prl hub entry.
        exact_padding: False lets padding count as it does in s3prl, for those who
            compare with it: in the group norm of HuBERT, wav2vec 2.0 and WavLM *base*,
            between the positional convolutions of data2vec, and wherever an upstream
            that runs by s3prl's own forward pass pads.
        tag: its name in directories and tables; the upstream's if left out.

    Raises:
        UserError: on a value of another type, or a checkpoint in ``extra_conf``.
            Whether there is such an upstream, ``check_upstream`` tells.
    """

    upstream: str
    path_or_url: str | None = None
    download_dir: str | None = None
    extra_conf: Mapping[str, Any] | None = None
    exact_padding: bool = True
    tag: str = ""

    def __post_init__(self) -> None:
        checked: dict[str, Any] = {
            "upstream": text("upstream", self.upstream),
            "path_or_url": optional_path("path_or_url", self.path_or_url),
            "download_dir": optional_path("download_dir", self.download_dir),
            "extra_conf": optional_mapping("extra_conf", self.extra_conf),
            "exact_padding": flag("exact_padding", self.exact_padding),
            "tag": self.tag or self.upstream,
        }
        if "ckpt" in (checked["extra_conf"] or {}):
            raise UserError("extra_conf: found 'ckpt'; give it as path_or_url instead.")
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, upstream: str | UpstreamSpec) -> UpstreamSpec:
        """Take a bare name for the upstream of that name."""
        return upstream if isinstance(upstream, cls) else cls(upstream)  # type: ignore[arg-type]

    def absolute(self) -> UpstreamSpec:
        """Give the same with the absolute path of a local file.

        A relative path then stands for the file that it named, wherever the process
        goes.
        """
        if not (self.path_or_url and self.upstream.endswith("_local")):
            return self  # another path may be a URL
        return dataclasses.replace(self, path_or_url=os.path.abspath(self.path_or_url))

    def weights_key(self) -> str:
        """Name what is loaded: two specs with one key have the same weights."""
        found = [self.upstream, self.path_or_url, self.download_dir, self.extra_conf]
        return json.dumps(found, sort_keys=True)

    def identity(self) -> dict[str, Any]:
        """Give all that stored features depend on; a checkpoint counts by its content.

        ``exact_padding`` is not among it: features are stored one utterance at a time.
        """
        found: dict[str, Any] = {
            **{"format": FORMAT, "upstream": self.upstream},
            **{"extra_conf": self.extra_conf, "checkpoint": None},
        }
        if self.path_or_url and Path(self.path_or_url).is_file():
            found["checkpoint"] = hash_file(self.path_or_url)
        else:
            found["path_or_url"] = self.path_or_url
        return found


# the fields that a configuration has; the tag is the name of its file
FIELDS = tuple(f.name for f in dataclasses.fields(UpstreamSpec) if f.name != "tag")


def split_conf(conf: Mapping[str, Any]) -> tuple[UpstreamSpec, dict[str, Any]]:
    """Take the spec out of the flat settings of a configuration.

    Returns:
        It, and the settings that are not the upstream's.
    """
    spec = UpstreamSpec(**{name: conf[name] for name in FIELDS if name in conf})
    return spec, {name: conf[name] for name in conf if name not in FIELDS}
