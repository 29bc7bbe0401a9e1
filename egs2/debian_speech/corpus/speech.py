"""Finding the speech clips in unpacked packages, with the known-bad ones left out.

Every parser takes ``{package name: unpacked tree}`` and looks files up by pattern,
because releases move directories. A package that is not there gives no clips.
"""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from corpus.clips import (
    Clip,
    drop_duplicates,
    duration,
    text_fits,
)
from espnet2_ext.fileio.names import safe_id

Trees = Mapping[str, Path]
MIN_SECONDS = 0.3  # shorter files are empty or a click

# Not speech: pauses, tones, and the joke and effect sounds.
ASTERISK_NOT_SPEECH = ("silence/*", "*beep*", "*-2tone", "tt-*")
# tuxpaint-fr has two more, rare voices, mostly here: left out so that a speaker
# label stays one person.
TUXPAINT_OTHER_VOICE = {"fr": "animals/*"}
# The font of a subtitle names the character; only the two leads speak enough.
FILLETS_LEADS = {"font_small": "small", "font_big": "big"}


def asterisk(trees: Trees, lang: str) -> list[Clip]:
    """List the telephone prompts of one language, one professional voice each.

    The Spanish set exists but has no place here: its voice is the English one (Allison
    Smith), whom the corpus keeps for the test.
    """
    sounds = trees.get(f"asterisk-core-sounds-{lang}-g722")
    texts = trees.get(f"asterisk-core-sounds-{lang}")
    if not sounds or not texts:
        return []
    table: dict[str, str] = {}
    for path in sorted(texts.glob(f"**/core-sounds-{lang}.txt*")):
        table.update(_asterisk_texts(path))
    clips = []
    for path in sorted(sounds.glob(f"**/sounds/{lang}_*/**/*.g722")):
        key = re.sub(r"^.*/sounds/[^/]+/", "", path.as_posix())[: -len(".g722")]
        text = clean_text(table.get(key, ""))
        if text and not any(fnmatchcase(key, p) for p in ASTERISK_NOT_SPEECH):
            speaker = f"asterisk-{lang}"
            name = safe_id(speaker, key)
            clips.append(Clip(name, speaker, lang, text, str(path), key))
    return _usable(clips)


def _asterisk_texts(path: Path) -> dict[str, str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", errors="replace") as stream:
        lines = [line.strip() for line in stream]
    pairs = [line.split(":", 1) for line in lines if ":" in line]
    # A comment begins with ';', a sound that is no speech with '[' or '('.
    return {
        key.strip(): text.strip()
        for key, text in pairs
        if not key.startswith(";") and not text.strip().startswith(("[", "("))
    }


def festvox_ru(trees: Trees) -> list[Clip]:
    """List the read Russian sentences, in the order of the recording."""
    if "festvox-ru" not in trees:
        return []
    clips = []
    for table in sorted(trees["festvox-ru"].glob("**/msu_ru_*/etc/txt.done.data")):
        lines = table.read_text(encoding="utf-8").splitlines()
        for line in lines:
            match = re.match(r'\(\s*(\S+)\s+"(.*)"\s*\)', line.strip())
            path = table.parents[1] / "wav" / f"{match[1] if match else ''}.wav"
            if match and path.is_file():
                text = clean_text(match[2].replace("+", ""))  # '+' marks the stress
                name = safe_id("festvox-ru", match[1])
                clip = Clip(name, "festvox-ru", "ru", text, str(path), match[1])
                clips.append(clip)
    return _usable(clips)


def tuxpaint(trees: Trees, lang: str) -> list[Clip]:
    """List one volunteer's descriptions of pictures.

    Catalan is refused: its recordings look spliced and a fifth of the texts is wrong.
    """
    if "tuxpaint-stamps-default" not in trees or lang == "ca":
        return []
    clips = []
    pattern = f"**/stamps/**/*_desc_{lang}.ogg"
    for path in sorted(trees["tuxpaint-stamps-default"].glob(pattern)):
        stem = path.as_posix()[: -len(f"_desc_{lang}.ogg")]
        key = stem.split("/stamps/", 1)[1]
        text = clean_text(_tuxpaint_text(Path(stem + ".txt"), lang))
        if text and not fnmatchcase(key, TUXPAINT_OTHER_VOICE.get(lang, "")):
            speaker = f"tuxpaint-{lang}"
            name = safe_id(speaker, key)
            clips.append(Clip(name, speaker, lang, text, str(path), key))
    return _usable(clips)


def _tuxpaint_text(path: Path, lang: str) -> str:
    if not path.is_file():
        return ""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(f"{lang}.utf8="):
            return line.partition("=")[2].strip()
    return ""


def klettres(trees: Trees, lang: str) -> list[Clip]:
    """List one volunteer's letters and syllables; the text is the label.

    No characters-per-second filter: a letter is one character however long.
    """
    if "klettres-data" not in trees:
        return []
    clips = []
    tables = trees["klettres-data"].glob(f"**/klettres/{lang}/sounds.xml")
    for table in sorted(tables):
        xml = table.read_text(encoding="utf-8", errors="replace")
        for label, file in re.findall(r'<sound\s+name="([^"]*)"\s+file="([^"]*)"', xml):
            path = table.parents[1] / file
            if path.is_file():
                key = file.rsplit(".", 1)[0]
                speaker = f"klettres-{lang}"
                name = safe_id("klettres", key)
                text = clean_text(html.unescape(label))
                clip = Clip(name, speaker, lang, text, str(path), key, trim=True)
                clips.append(clip)
    return drop_duplicates(clips)


def fillets(trees: Trees, lang: str) -> list[Clip]:
    """List the lines of the two leads of a game (acted, with effects)."""
    sounds = trees.get(f"fillets-ng-data-{lang}")
    scripts = trees.get("fillets-ng-data")
    if not sounds or not scripts:
        return []
    lines = dict(_fillets_lines(scripts, lang))
    clips = []
    for path in sorted(sounds.glob(f"**/sound/**/{lang}/*.ogg")):
        role, text = lines.get(path.stem, ("", ""))
        if role in FILLETS_LEADS and text:
            speaker = f"fillets-{lang}-{FILLETS_LEADS[role]}"
            name = safe_id(speaker, path.stem)
            clips.append(Clip(name, speaker, lang, text, str(path), path.stem))
    return _usable(clips)


def _fillets_lines(scripts: Path, lang: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield (line id, (font, text)) from the game's Lua dialogues."""
    quoted = r'"((?:[^"\\]|\\.)*)"'
    dialogue = re.compile(
        rf'dialogId\("([^"]+)",\s*"([^"]*)",\s*{quoted}\)\s*dialogStr\({quoted}\)'
    )
    for path in sorted(scripts.glob(f"**/script/**/*_{lang}.lua")):
        lua = path.read_text(encoding="utf-8", errors="replace")
        for key, font, _, text in dialogue.findall(lua):
            yield key, (font, clean_text(text.replace('\\"', '"')))


def clean_text(text: str) -> str:
    """Drop remarks in brackets and leading or trailing dots; single spaces."""
    text = re.sub(r"\[[^\]]*\]|\([^)]*\)", " ", text)
    text = re.sub(r"\.{2,}|…", " ", text)
    return " ".join(text.split())


def _usable(clips: list[Clip]) -> list[Clip]:
    """Apply the filters of all sentence sources, and give each clip one id."""
    kept = [c for c in clips if duration(c) >= MIN_SECONDS and text_fits(c)]
    kept = drop_duplicates(kept)
    return list({clip.id: clip for clip in reversed(kept)}.values())[::-1]
