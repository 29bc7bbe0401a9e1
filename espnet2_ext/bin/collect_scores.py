"""Merge the scores of parallel jobs into ``scores.jsonl``; check that all are there.

Also writes ESPnet's files: ``<METRIC>_spk1`` (one line per utterance) and
``result_<metric>.txt`` (the mean; for word error rates, all errors over all words).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.errors import run_main, shorten
from espnet2_ext.metrics.collect import (
    Score,
    collect,
    pool,
    pooled_value,
    reason_of,
    score_keys,
)
from espnet2_ext.metrics.registry import quantity_of


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--scoring_dir", required=True, type=Path, help="holds logdir/scores.N.jsonl"
    )
    parser.add_argument(
        "--key_file", type=Path, help="the ids expected; default: logdir/keys.*"
    )
    parser.add_argument("--nj", type=int, help="number of jobs; default: all files")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Merge, check, and print the pooled values."""
    args = get_parser().parse_args(argv)
    scores = collect(args.scoring_dir, args.key_file, args.nj)
    print(f"{args.scoring_dir / 'scores.jsonl'}: {len(scores)} utterances")
    for key in score_keys(scores.values()):
        value = pooled_value(pool(scores.values(), key))
        shown = "-" if value is None else f"{value:.{quantity_of(key).digits}f}"
        print(f"  {key:24s} {shown}{_count(scores, key)}")


def _count(scores: Mapping[str, Score], key: str) -> str:
    """Say how many utterances have no value, and name some with the reason."""
    asked = {utt: score for utt, score in scores.items() if key in score}
    lost = [
        f"{utt} ({reason_of(score, key) or 'no reason given'})"
        for utt, score in asked.items()
        if score[key] is None
    ]
    if not lost or len(lost) == len(asked):
        return ""
    return f" [{len(asked) - len(lost)} of {len(asked)} utt; not {shorten(lost)}]"


if __name__ == "__main__":
    run_main(main)
