"""Noise recordings and their division into training, validation and test pools.

Files are divided, never excerpts, and related files go together: "Blacksmith1" and
"Blacksmith2" are cut from one recording, so they are one family.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from corpus import speech
from corpus.clips import (
    Clip,
    content_hash,
    duration,
    load_clip,
)
from corpus.containers import open_container
from espnet2_ext.fileio.digest import stable_int
from espnet2_ext.fileio.names import safe_id

Trees = Mapping[str, Path]
POOLS = ("train", "valid", "test")
AUDIO = (".wav", ".ogg", ".g722")
MIN_SECONDS = 0.5  # shorter sounds are clicks
MIN_RMS = 1e-3  # -60 dBFS: quieter files are silence

# Who may speak in the background. A language is in one pool only, so that a volunteer
# who recorded for two games cannot be in two pools; languages of target speakers are
# in none, for the same reason. klettres-ml (98 % clipped) and Catalan are not used.
BABBLE_LANGS: dict[str, tuple[str, ...]] = {
    "train": ("bg", "cs", "de", "es", "hu", "nds", "nl"),
    "valid": ("lt", "nb", "pt_BR"),
    "test": ("ar", "el", "he", "tn", "uk"),
}
MIN_VOICES = 3  # fewer voices are a conversation, not babble


@dataclass
class NoisePool:
    """What one set may be mixed with.

    Attributes:
        files: noise type (ambient, music) -> recordings.
        voices: babble speaker -> clips.
    """

    files: dict[str, list[Clip]] = field(default_factory=dict)
    voices: dict[str, list[Clip]] = field(default_factory=dict)

    def types(self) -> list[str]:
        """Noise types that this pool can give, sorted."""
        babble = ["babble"] if len(self.voices) >= MIN_VOICES else []
        return sorted([kind for kind, files in self.files.items() if files] + babble)


def noise_pools(trees: Trees) -> dict[str, NoisePool]:
    """Find every noise recording and divide them over `POOLS`."""
    pools = {name: NoisePool() for name in POOLS}
    found = {"ambient": _ambient(trees), "music": _music(trees)}
    for kind, clips in found.items():
        clips = join_families([clip for clip in clips if duration(clip) >= MIN_SECONDS])
        where = split_families(clip.speaker for clip in clips)
        for clip in clips:
            if where and _audible(clip):
                pools[where[clip.speaker]].files.setdefault(kind, []).append(clip)
    for name, langs in BABBLE_LANGS.items():
        for lang in langs:
            for clips in (speech.klettres(trees, lang), speech.tuxpaint(trees, lang)):
                if clips:
                    pools[name].voices[clips[0].speaker] = clips
    return pools


def join_families(clips: list[Clip]) -> list[Clip]:
    """Drop byte-identical files and give the families that shared them one name."""
    first: dict[bytes, str] = {}
    other_name: dict[str, str] = {}
    kept = []
    for clip in clips:
        digest = content_hash(clip)
        if digest not in first:
            first[digest] = clip.speaker
            kept.append(clip)
        elif first[digest] != clip.speaker:
            other_name[clip.speaker] = first[digest]
    return [
        Clip(**{**vars(clip), "speaker": _resolve(clip.speaker, other_name)})
        for clip in kept
    ]


def _resolve(family: str, other_name: dict[str, str]) -> str:
    seen = set()
    while family in other_name and family not in seen:
        seen.add(family)
        family = other_name[family]
    return family


def split_families(families: Iterable[str]) -> dict[str, str]:
    """Assign each family a pool from a hash of its name: 60 / 15 / 25 %.

    The answer for one family does not depend on which others exist, except that an
    empty pool is given one family from the fullest, so that five pieces of music reach
    all three. Fewer than three families cannot be divided: the answer is empty.
    """
    ordered = sorted(set(families), key=stable_int)
    if len(ordered) < len(POOLS):
        return {}
    where = {family: _pool(stable_int(family) % 20) for family in ordered}
    for pool in POOLS:
        if pool not in where.values():
            fullest = Counter(where.values()).most_common(1)[0][0]
            where[next(f for f in ordered if where[f] == fullest)] = pool
    return where


def _pool(number: int) -> str:
    return "test" if number < 5 else "valid" if number < 8 else "train"


def _ambient(trees: Trees) -> list[Clip]:
    readers = {
        "lincity-ng-data": _lincity,
        "openttd-opensfx": _opensfx,
        "tuxpaint-stamps-default": _tuxpaint,
        "blanket": _blanket,
    }
    return [
        c for name, read in readers.items() if name in trees for c in read(trees[name])
    ]


def _lincity(tree: Path) -> Iterator[Clip]:
    for path in _audio(tree, "**/lincity-ng/sounds/*"):
        # "WindMill2" -> "Wind": the first word of the name is the scene
        word = re.match(r"[A-Z]?[a-z]+", path.stem)
        yield _noise("lincity", word[0] if word else path.stem, path)


def _opensfx(tree: Path) -> Iterator[Clip]:
    for path in sorted(tree.glob("**/opensfx.cat")):
        for member in open_container(str(path)):
            yield _noise("opensfx", _opensfx_family(member), path, member)


def _tuxpaint(tree: Path) -> Iterator[Clip]:
    for path in _audio(tree, "**/stamps/**/*.ogg"):
        if "_desc" not in path.name and "/symbols/" not in path.as_posix():
            yield _noise("tuxpaint", path.stem.split("_")[0], path)


def _blanket(tree: Path) -> Iterator[Clip]:
    for path in sorted(tree.glob("**/blanket.gresource")):
        for member in open_container(str(path)):
            name = Path(member)
            # its generated white and pink noise are no recordings
            if name.suffix == ".ogg" and not name.stem.endswith("-noise"):
                yield _noise("blanket", name.stem, path, member)


def _music(trees: Trees) -> list[Clip]:
    tree = trees.get("asterisk-moh-opsound-g722")
    paths = _audio(tree, "**/moh/**/*") if tree else []
    return [_noise("moh", path.stem, path) for path in paths]


def _audio(tree: Path, pattern: str) -> list[Path]:
    return [path for path in sorted(tree.glob(pattern)) if path.suffix in AUDIO]


def _opensfx_family(title: str) -> str:
    """Name the recording a sound was made of, else its title up to a number."""
    original = re.search(r'Original "([^"]+)"', title)
    named = re.search(r'"([^"(:]+)', title)
    return (original or named or [title, title])[1].strip()


def _noise(source: str, family: str, path: Path, member: str = "") -> Clip:
    """Describe a noise file; its family stands where speech has the speaker."""
    key = member and Path(member).stem.split('".')[0]
    name = safe_id(source, key or path.stem)
    return Clip(name, f"{source}-{family}", "", "", str(path), key or path.stem, member)


def _audible(clip: Clip) -> bool:
    if duration(clip) > 30:  # long recordings are not silence; decoding them is slow
        return True
    wav = load_clip(clip)
    return float((wav**2).mean()) > MIN_RMS**2
