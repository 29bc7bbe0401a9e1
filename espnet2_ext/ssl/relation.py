"""Whether two upstreams are one model, or of one family: the one rule of circularity.

A judge that listens through an upstream is no independent evidence for a system whose
loss aims at that upstream, nor at one of its family: the members of a family share
objective, architecture and often data, so what pleases one pleases the others.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from espnet2_ext.fileio.digest import hash_file

FILTER_BANK = "filter bank"
ESPNET_ASR = "espnet_asr_local"  # an ESPnet ASR, in a loss or as a judge
# beginning of an s3prl name -> families; else the word before the first "_"
FAMILIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("xlsr", "xls_r", "wav2vec2", "mos_wav2vec2"), ("wav2vec2",)),
    **dict.fromkeys(("vq_wav2vec", "discretebert", "wav2vec"), ("wav2vec",)),
    # HuBERT itself, what was distilled from it, and what was trained on its units
    **dict.fromkeys(
        (
            *("hubert", "mhubert", "ms_hubert", "cvhubert", "contentvec", "distiller"),
            *("distilhubert", "lighthubert", "multires_hubert", "espnet_hubert"),
        ),
        ("hubert",),
    ),
    "wavlablm": ("hubert", "wavlm"),  # WavLM's training, begun from HuBERT's units
    # one filter bank, or a linear map of its energies
    **dict.fromkeys(
        ("fbank", "mfcc", "mel", "linear", "spectrogram", "stft_mag", "baseline"),
        (FILTER_BANK,),
    ),
    **dict.fromkeys(("modified_cpc", "cpc"), ("cpc",)),
    **dict.fromkeys(("vq_apc", "mos_apc", "apc"), ("apc",)),
    **dict.fromkeys(("mos_tera", "tera"), ("tera",)),
    "decoar": ("decoar",),
    "espnet_asr": ("espnet_asr",),
    "unispeech_sat": ("unispeech_sat",),
    "mae_ast": ("mae_ast",),
    "timit_posteriorgram": ("timit_posteriorgram",),
}


def families(name: str) -> set[str]:
    """Name the families of an upstream, by its s3prl name."""
    name = name.lower().removeprefix("hf_")
    starts = [start for start in FAMILIES if name.startswith(start)]
    if starts:
        return set(FAMILIES[max(starts, key=len)])
    return {name.split("_")[0]}


@dataclass(frozen=True)
class Upstream:
    """Which upstream: its s3prl name, and the checkpoint of a ``*_local`` one.

    Attributes:
        name: e.g. ``wavlm_base_plus``.
        path: ``path_or_url``, where a name needs it.
        digest: of the file, where only that is known (``fileio.digest.hash_file``).
    """

    name: str
    path: str | None = None
    digest: str | None = None

    def is_one_with(self, other: Upstream) -> bool:
        """Tell whether both are the same model."""
        if self.path is None and other.path is None and not self.digest:
            return self.name == other.name
        if self.path and other.path and _place(self.path) == _place(other.path):
            return True
        own = _digest(self)
        return own is not None and own == _digest(other)


def is_filter_bank(upstream: Upstream) -> bool:
    """Tell whether an upstream is no speech model: the control of an SSL loss."""
    return families(upstream.name) == {FILTER_BANK}


def _place(path: str) -> str:
    return path if "://" in path else str(Path(path).resolve())


def _digest(upstream: Upstream) -> str | None:
    if upstream.digest:
        return upstream.digest
    path = Path(upstream.path or "")
    return _hash(str(path.resolve())) if upstream.path and path.is_file() else None


@functools.cache
def _hash(path: str) -> str:
    return hash_file(path)


def relation(judges: Iterable[Upstream], losses: Iterable[Upstream]) -> str:
    """Say how the upstreams of a judge and those of a system's losses are related.

    Returns:
        ``"same"``; ``"family"``; or nothing, where the judge is independent.
    """
    pairs = [(judge, loss) for judge in judges for loss in losses]
    if any(judge.is_one_with(loss) for judge, loss in pairs):
        return "same"
    if any(families(judge.name) & families(loss.name) for judge, loss in pairs):
        return "family"
    return ""
