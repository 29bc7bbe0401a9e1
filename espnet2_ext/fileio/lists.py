"""What the lists of a Kaldi data directory are about: utterances, speakers, or neither.

``text`` has a line for each utterance and ``spk2gender`` one for each speaker. ``stm``
and ``glm`` (sclite's), a README or a manifest are neither: they are copied as they are.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

UTTERANCE, SPEAKER, OTHER = "utterance", "speaker", "other"


def list_kind(path: Path, utts: Collection[str], speakers: Collection[str]) -> str:
    """Tell by its name, or else by its first words, what a list is about.

    Args:
        path: the list; one that is not UTF-8 text is neither.
        utts: ids of the utterances of the directory.
        speakers: its speakers.

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
