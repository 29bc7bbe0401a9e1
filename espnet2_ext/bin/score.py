"""Score enhanced (or noisy, or clean) audio against its reference: one job.

Writes one JSON object per utterance; a killed job goes on where it was. Where a scorer
cannot judge an utterance, or crashes, the value is null; the log and the key "no_value"
say why. What each scorer can judge: espnet2_ext/metrics/limits.py.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main, shorten
from espnet2_ext.fileio.scp import iter_scp, read_scp
from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.items import ScoredItem
from espnet2_ext.metrics.scoring import score_items
from espnet2_ext.metrics.settings import Settings, read_ssl_fragments
from espnet2_ext.metrics.signal import SIGNAL_METRICS

ENGLISH = ("en", "eng")


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ref_scp", required=True, help="references: ID AUDIO")
    parser.add_argument("--inf_scp", required=True, help="estimates: ID AUDIO")
    parser.add_argument("--key_file", help="ids of this job; default: all of --ref_scp")
    parser.add_argument("--text", help="ID WORDS; needed by --recognisers")
    parser.add_argument(
        "--utt2lang",
        help="ID LANGUAGE; only English is recognised; "
        "default: utt2lang beside --text, and all is English where there is none",
    )
    parser.add_argument(
        "--metrics",
        default="SI_SNR SDR PESQ_WB ESTOI DNSMOS",
        help=f"any of: {' '.join(SIGNAL_METRICS)}",
    )
    parser.add_argument(
        "--recognisers", default="", help=f"any of: {' '.join(RECOGNISERS)}"
    )
    parser.add_argument(
        "--ssl_conf", default="", help="YAML criterion fragments, conf/ssl/*.yaml"
    )
    parser.add_argument("--output", required=True, help="the file to write, *.jsonl")
    return parser


def _read_texts(args: argparse.Namespace) -> dict[str, str]:
    """Read the texts to be recognised: those whose language is English."""
    if not args.recognisers.split():
        return {}
    if args.text is None:
        raise UserError("--recognisers needs --text; give the set's text file.")
    texts = read_scp(args.text)
    utt2lang = args.utt2lang or Path(args.text).with_name("utt2lang")
    if args.utt2lang is None and not Path(utt2lang).is_file():
        return texts
    languages = read_scp(utt2lang)
    missing = [utt for utt in texts if utt not in languages]
    if missing:
        raise UserError(f"{utt2lang}: ids of {args.text} missing: {shorten(missing)}")
    return {utt: text for utt, text in texts.items() if languages[utt] in ENGLISH}


def read_items(args: argparse.Namespace) -> list[ScoredItem]:
    """Bring the tables together.

    Raises:
        UserError: listing the ids that are missing in one of the tables.
    """
    refs, infs = read_scp(args.ref_scp), read_scp(args.inf_scp)
    keys = [key for _, key, _ in iter_scp(args.key_file or args.ref_scp)]
    all_texts = read_scp(args.text) if args.text and args.recognisers.split() else None
    problems = []
    if not args.key_file and (extra := sorted(set(infs) - set(refs))):
        problems.append(f"{args.ref_scp} lacks {shorten(extra)}")
    for path, table in (
        (args.ref_scp, refs),
        (args.inf_scp, infs),
        (args.text, all_texts),
    ):
        if table is not None and (lost := [key for key in keys if key not in table]):
            problems.append(f"{path} lacks {shorten(lost)}")
    if problems:
        raise UserError(
            "the ids do not agree; each must be in all tables:\n" + "\n".join(problems)
        )
    texts = _read_texts(args)
    return [ScoredItem(key, refs[key], infs[key], texts.get(key)) for key in keys]


def main(argv: Sequence[str] | None = None) -> None:
    """Score one job."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s: %(message)s"
    )
    settings = Settings(
        metrics=tuple(args.metrics.split()),
        recognisers=tuple(args.recognisers.split()),
        ssl=read_ssl_fragments(args.ssl_conf.split()),
    )
    settings.check()
    items = read_items(args)
    reused = score_items(items, settings, args.output, whole=not args.key_file)
    print(f"{args.output}: {len(items)} utterances ({reused} scored before)")


if __name__ == "__main__":
    run_main(main)
