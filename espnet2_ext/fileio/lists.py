"""Kinds of lists in a Kaldi data directory: by utterance, by speaker, or other.

``text`` has a line for each utterance and ``spk2gender`` one for each speaker. ``stm``
and ``glm`` of sclite, a README and a manifest are other files, which are only copied.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

UTTERANCE, SPEAKER, OTHER = "utterance", "speaker", "other"


def list_kind(path: Path, utts: Collection[str], speakers: Collection[str]) -> str:
    """Find the kind of a list by its name, or else by its ids.

    Args:
        path: the list; a file that is not UTF-8 text is ``OTHER``.
        utts: ids of the utterances in the directory.
        speakers: ids of the speakers.

    Returns:
        ``UTTERANCE``, ``SPEAKER`` or ``OTHER``.
    """
    name = path.name
    if name.endswith(".scp") or name.startswith("utt2") or name == "text":
        return UTTERANCE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return OTHER
    keys = {line.split(maxsplit=1)[0] if line.strip() else "" for line in lines}
    if keys and keys <= set(utts):
        return UTTERANCE
    if keys and keys <= set(speakers):
        return SPEAKER
    return OTHER
