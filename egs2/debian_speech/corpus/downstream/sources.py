"""Recordings and labels of the packages that enhancement does not use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import soundfile

from corpus import speech
from corpus.clips import (
    FS,
    Clip,
    drop_duplicates,
    duration,
)
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.names import safe_id

Trees = Mapping[str, Path]
PAUSE = "pau"  # the label of silence in festvox
MIN_SECONDS = 0.15  # shorter symbols are clicks or empty files


def phone_labels(sentence: Clip) -> list[str]:
    """Read the phones of a festvox-ru sentence, pauses left out.

    The labels are festvox's own automatic alignments (time, 125, phone), made from
    the text with the stress marks.

    Raises:
        UserError: if the label file is missing or has no phone.
    """
    path = Path(sentence.path).parents[1] / "lab" / f"{sentence.key}.lab"
    try:
        lines = path.read_text(encoding="latin-1").splitlines()
    except OSError as error:
        raise UserError(
            f"{path}: cannot read phone labels ({error}); expected them in the package "
            "festvox-ru. Unpack it again: delete its folder and run this once more."
        ) from error
    fields = [line.split() for line in lines]
    phones = [field[2] for field in fields if len(field) == 3 and field[2] != PAUSE]
    if not phones:
        raise UserError(f"{path}: no phone labels; expected lines of 'END 125 PHONE'.")
    return phones


def ktuberling(trees: Trees, lang: str) -> list[Clip]:
    """List one volunteer's words of the potato game; the text is not known.

    Files below 16 kHz are left out: they are older recordings of other people. The
    three other spellings of Serbian (sr@...) are copies of sr.
    """
    if "ktuberling-data" not in trees or "@" in lang:
        return []
    clips = []
    for table in sorted(trees["ktuberling-data"].glob(f"**/sounds/{lang}.soundtheme")):
        xml = table.read_text(encoding="utf-8", errors="replace")
        for file in re.findall(r'<sound\s+name="[^"]*"\s+file="([^"]*)"', xml):
            key = file.rsplit(".", 1)[0]
            clip = _word("ktuberling", lang, key, table.parent / file)
            if _usable(clip):
                clips.append(clip)
    return drop_duplicates({clip.id: clip for clip in clips}.values())


def asterisk_symbols(trees: Trees, lang: str) -> list[Clip]:
    """List the single digits and Latin letters of the telephone prompts.

    The text is the symbol. It comes from the file name: the published texts are too
    short for the filter of `speech.asterisk`.
    """
    tree = trees.get(f"asterisk-core-sounds-{lang}-g722")
    found = tree.glob(f"**/sounds/{lang}_*/*/?.g722") if tree else []
    clips = []
    for path in sorted(found):
        symbol = path.stem.lower()
        if re.fullmatch("digits/[0-9]|letters/[a-z]", f"{path.parent.name}/{symbol}"):
            key = f"{path.parent.name}/{path.stem}"
            speaker = f"asterisk-{lang}"
            id_ = safe_id(speaker, key, "symbol")
            clips.append(Clip(id_, speaker, lang, symbol, str(path), key, trim=True))
    return drop_duplicates(clip for clip in clips if _usable(clip))


def klettres_letters(trees: Trees, lang: str) -> list[Clip]:
    """List the Latin letters of one volunteer; the text is the letter."""
    letters = [
        Clip(**{**vars(clip), "text": clip.text.lower()})
        for clip in speech.klettres(trees, lang)
        if "/alpha/" in f"/{clip.key}" and re.fullmatch("[A-Za-z]", clip.text)
    ]
    return [clip for clip in letters if _usable(clip)]


def tuxpaint_symbols(trees: Trees, lang: str) -> list[Clip]:
    """List one volunteer's digits (math stamps) and letters (English alphabet).

    The text is the symbol. Files below 16 kHz are left out.
    """
    tree = trees.get("tuxpaint-stamps-default")
    if not tree or lang == "ca":
        return []
    digit = re.compile(rf"([0-9])_{lang}\.ogg")
    letter = re.compile(rf"([a-z])_filled_{lang}\.ogg")
    clips = []
    for path in sorted(tree.glob(f"**/stamps/symbols/**/*_{lang}.ogg")):
        folder = path.parent.as_posix()
        pattern = digit if folder.endswith("/math") else letter
        match = pattern.fullmatch(path.name)
        if match and (pattern is digit or folder.endswith("english/filled/lowercase")):
            clip = _word("tuxpaint", lang, f"symbol/{match[1]}", path, match[1])
            clips.append(clip)
    return drop_duplicates(clip for clip in clips if _usable(clip))


def _word(source: str, lang: str, key: str, path: Path, text: str = "") -> Clip:
    speaker = f"{source}-{lang}"
    name = key.split("/", 1)[1] if key.startswith(f"{lang}/") else key
    return Clip(safe_id(speaker, name), speaker, lang, text, str(path), key, trim=True)


def _usable(clip: Clip) -> bool:
    if not clip.path.endswith(".g722"):
        try:
            if soundfile.info(clip.path).samplerate < FS:
                return False
        except (OSError, RuntimeError):
            return False
    return duration(clip) >= MIN_SECONDS
