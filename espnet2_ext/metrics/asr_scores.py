"""Word and character errors of what a recogniser wrote, as ESPnet's recipes count them.

`score_texts` writes ``score_wer/`` and ``score_cer/`` with ``ref.trn``, ``hyp.trn`` and
``result.txt`` (sclite's layout), and ``scores.jsonl`` with one line per utterance.
`read_asr_scores` reads the latter. Characters include the space between words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.scp import atomic_write, iter_scp, read_scp
from espnet2_ext.metrics.alignment import Aligned, Tally, align
from espnet2_ext.metrics.result import ErrorCount
from espnet2_ext.metrics.sclite import write_result, write_trn

AsrScores = dict[str, dict[str, ErrorCount]]  # utterance -> {"wer", "cer"} -> errors
TOKENS = {"wer": "words", "cer": "characters, spaces included"}
LISTED = 20  # at most so many ids of a kind in a message
ANYBODY = "all"  # the speaker where no utt2spk is given


@dataclass(frozen=True)
class Texts:
    """What was spoken and what was recognised, by utterance; and who spoke."""

    ref: Mapping[str, str]
    hyp: Mapping[str, str]
    utt2spk: Mapping[str, str]


def read_texts(
    ref: str,
    hyp: str,
    utt2spk: str | None = None,
    cleaner: str = "none",
    hyp_cleaner: str = "none",
) -> Texts:
    """Read the tables of a set, and clean the texts.

    Args:
        ref: file of ``ID WORDS``, what was spoken.
        hyp: the same of the recogniser; words may be missing.
        utt2spk: file of ``ID SPEAKER``; ``None``: one speaker.
        cleaner: text cleaner of ESPnet for the references; "none": none.
        hyp_cleaner: the same for the hypotheses.

    Raises:
        UserError: naming every id that is missing, too many, twice, or has no
            reference words; if ESPnet has no such cleaner.
    """
    spoken, recognised = _read_text(ref), _read_text(hyp)
    speakers = read_scp(utt2spk) if utt2spk else dict.fromkeys(spoken, ANYBODY)
    spoken = clean(spoken, cleaner)
    wordless = {key for key, words in spoken.items() if not words.split()}
    some = "an error rate needs some; add words, or remove"
    found = (
        (hyp, "lacks", "decode them, or remove", spoken.keys() - recognised.keys()),
        (ref, "lacks", "add their words, or remove", recognised.keys() - spoken.keys()),
        (utt2spk, "lacks", "add their speakers of", spoken.keys() - speakers.keys()),
        (ref, "has no words for", some, wordless),
    )
    problems = [
        f"{path} {what} {_name_ids(ids)}; {do} these ids"
        for path, what, do, ids in found
        if ids
    ]
    if problems:
        raise UserError(
            "the same ids are expected in all tables:\n" + "\n".join(problems)
        )
    return Texts(spoken, clean(recognised, hyp_cleaner), speakers)


def _read_text(path: str) -> dict[str, str]:
    """Read ``ID WORDS`` lines; an utterance may have no words."""
    table: dict[str, str] = {}
    twice = []
    for number, key, value in iter_scp(path):
        if key in table:
            twice.append(f"{path}:{number}: duplicate id '{key}'; keep one line")
        table[key] = value
    if twice or not table:
        raise UserError("\n".join(twice) or f"{path}: empty; expected ID WORDS lines.")
    return table


def _name_ids(ids: set[str]) -> str:
    names = sorted(ids, key=str.encode)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} utterances: {', '.join(names[:LISTED])}{more}"


def clean(texts: Mapping[str, str], cleaner: str) -> dict[str, str]:
    """Apply a text cleaner of ESPnet.

    Raises:
        UserError: if ESPnet has no such cleaner.
    """
    if cleaner == "none":
        return dict(texts)
    from espnet2.text.cleaner import TextCleaner

    try:
        change = TextCleaner([cleaner])
        return {key: change(value) for key, value in texts.items()}
    except RuntimeError as error:
        raise UserError(
            f"{error}; expected a cleaner of espnet2.text.cleaner, e.g. tacotron."
        ) from error


def tokenize(text: str, rate: str) -> list[str]:
    """Split into words ("wer") or into characters with ``<space>`` ("cer")."""
    from espnet2.text.char_tokenizer import CharTokenizer

    words = text.split()
    return words if rate == "wer" else CharTokenizer().text2tokens(" ".join(words))


def score_texts(texts: Texts, out_dir: Path) -> dict[str, tuple[Path, Tally]]:
    """Write the scores of a set.

    Returns:
        "wer", "cer" -> the ``result.txt``, and the errors of all utterances.
    """
    keys = sorted(texts.ref, key=str.encode)
    lines: dict[str, dict[str, Any]] = {key: {"id": key} for key in keys}
    results = {}
    for rate in TOKENS:
        utterances = []
        for key in keys:
            sides = (tokenize(side[key], rate) for side in (texts.ref, texts.hyp))
            utterances.append(Aligned(key, texts.utt2spk[key], align(*sides)))
            lines[key][rate] = utterances[-1].count.to_json(texts.hyp[key])
        folder = out_dir / f"score_{rate}"
        for side in ("ref", "hyp"):
            write_trn(folder / f"{side}.trn", utterances, side)
        write_result(folder / "result.txt", utterances)
        tally = Tally.of(utterance.count for utterance in utterances)
        results[rate] = folder / "result.txt", tally
    with atomic_write(out_dir / "scores.jsonl") as stream:
        for line in lines.values():
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")
    return results


def read_asr_scores(path: Path) -> AsrScores:
    """Read the ``scores.jsonl`` of `score_texts`.

    Raises:
        UserError: if it is missing, empty or broken, with file and line.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; score it first (bin.score_asr).")
    scores: AsrScores = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            counts = {rate: ErrorCount.from_json(entry[rate]) for rate in TOKENS}
            scores[entry["id"]] = counts
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path}:{number}: not a line of bin.score_asr ({error!r}); score it "
                "again."
            ) from error
    if not scores:
        raise UserError(f"{path}: empty; score it again.")
    return scores
