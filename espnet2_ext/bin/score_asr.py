"""Score what a recogniser wrote: word and character errors, as ESPnet's recipes do.

Writes, into ``--out_dir``, ``score_wer/`` and ``score_cer/`` with ``ref.trn``,
``hyp.trn`` and ``result.txt`` (sclite's layout), and ``scores.jsonl`` with one line
per utterance. Characters include the space between words, as in ESPnet.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write, iter_scp, read_scp
from espnet2_ext.metrics.alignment import Aligned, Tally, align
from espnet2_ext.metrics.sclite import write_result, write_trn

TYPES = ("wer", "cer")
LISTED = 20  # at most so many ids of a kind in a message
ANYBODY = "all"  # the speaker where no utt2spk is given


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ref", required=True, help="ID WORDS: the text that was spoken")
    add("--hyp", required=True, help="ID WORDS: the recogniser's; words may be missing")
    add("--utt2spk", help="ID SPEAKER; default: one speaker")
    add("--cleaner", default="none", help="ESPnet text cleaner, for --ref only")
    add("--hyp_cleaner", default="none", help="the same for --hyp")
    add("--out_dir", required=True, type=Path)
    return parser


def read_text(path: str) -> dict[str, str]:
    """Read ``ID WORDS`` lines; an utterance may have no words.

    Raises:
        UserError: if there are no lines, or listing the ids that come twice.
    """
    table: dict[str, str] = {}
    twice = []
    for number, key, value in iter_scp(path):
        if key in table:
            twice.append(f"{path}:{number}: duplicate id '{key}'; keep one line")
        table[key] = value
    if twice or not table:
        raise UserError("\n".join(twice) or f"{path}: empty; expected ID WORDS lines.")
    return table


def check_tables(
    args: argparse.Namespace,
    ref: Mapping[str, str],
    hyp: Mapping[str, str],
    utt2spk: Mapping[str, str],
) -> None:
    """Check that the tables fit.

    Raises:
        UserError: with all ids that are missing, too many, or without reference.
    """
    found = (
        (args.hyp, "lacks", "decode them, or remove", ref.keys() - hyp.keys()),
        (args.ref, "lacks", "add their words, or remove", hyp.keys() - ref.keys()),
        (args.utt2spk, "lacks", "add their speakers of", ref.keys() - utt2spk.keys()),
        (
            args.ref,
            "has no words for",
            "an error rate needs some; add words, or remove",
            {key for key, words in ref.items() if not words.split()},
        ),
    )
    problems = [
        f"{path} {what} {_shorten(ids)}; {do} these ids"
        for path, what, do, ids in found
        if ids
    ]
    if problems:
        raise UserError(
            "the same ids are expected in all tables:\n" + "\n".join(problems)
        )


def _shorten(ids: set[str]) -> str:
    names = sorted(ids, key=str.encode)
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{len(names)} utterances: {', '.join(names[:LISTED])}{more}"


def tokenize(text: str, kind: str) -> list[str]:
    """Split into words ("wer") or into characters with ``<space>`` ("cer")."""
    from espnet2.text.char_tokenizer import CharTokenizer

    words = text.split()
    return words if kind == "wer" else CharTokenizer().text2tokens(" ".join(words))


def clean(texts: Mapping[str, str], cleaner: str) -> dict[str, str]:
    """Apply an ESPnet text cleaner.

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


def align_all(
    ref: Mapping[str, str],
    hyp: Mapping[str, str],
    utt2spk: Mapping[str, str],
    kind: str,
) -> list[Aligned]:
    """Align all utterances, sorted bytewise by id."""
    keys = sorted(ref, key=str.encode)
    steps = align(
        [tokenize(ref[key], kind) for key in keys],
        [tokenize(hyp[key], kind) for key in keys],
    )
    return [Aligned(k, utt2spk[k], s) for k, s in zip(keys, steps, strict=True)]


def main(argv: Sequence[str] | None = None) -> None:
    """Score, write the files, print one line per error rate."""
    args = get_parser().parse_args(argv)
    ref, hyp = read_text(args.ref), read_text(args.hyp)
    utt2spk = read_scp(args.utt2spk) if args.utt2spk else dict.fromkeys(ref, ANYBODY)
    ref = clean(ref, args.cleaner)
    check_tables(args, ref, hyp, utt2spk)
    hyp = clean(hyp, args.hyp_cleaner)
    scores: dict[str, dict] = {key: {} for key in sorted(ref, key=str.encode)}
    for kind in TYPES:
        utterances = align_all(ref, hyp, utt2spk, kind)
        folder = args.out_dir / f"score_{kind}"
        for side in ("ref", "hyp"):
            write_trn(folder / f"{side}.trn", utterances, side)
        write_result(folder / "result.txt", utterances)
        for utterance in utterances:
            key = utterance.utt
            scores[key][kind] = utterance.count.to_json(hyp[key])
        tally = Tally.of(u.count for u in utterances)
        print(f"{folder / 'result.txt'}: {kind.upper()} {tally.errors.percent:.1f} %")
    with atomic_write(args.out_dir / "scores.jsonl") as stream:
        for key, score in scores.items():
            stream.write(json.dumps({"id": key, **score}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    run_main(main)
