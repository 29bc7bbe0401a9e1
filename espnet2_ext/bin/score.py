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

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.metrics.asr import RECOGNISERS
from espnet2_ext.metrics.items import pair_items
from espnet2_ext.metrics.registry import METRICS
from espnet2_ext.metrics.scoring import score_items
from espnet2_ext.metrics.settings import Settings, read_ssl_fragments


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
        default="SI_SNR SDR PESQ_WB ESTOI DNSMOS P808 LPS SPK_SIM",
        help=f"any of: {' '.join(METRICS)}",
    )
    parser.add_argument(
        "--recognisers", default="", help=f"any of: {' '.join(RECOGNISERS)}"
    )
    parser.add_argument(
        "--ssl_conf", default="", help="YAML criterion fragments, conf/ssl/*.yaml"
    )
    parser.add_argument(
        "--versa_config", type=Path, help="VERSA's YAML, where versa-score is installed"
    )
    parser.add_argument("--output", required=True, help="the file to write, *.jsonl")
    return parser


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
        versa=args.versa_config,
    )
    settings.check()
    if settings.recognisers and args.text is None:
        raise UserError("--recognisers needs --text; give the set's text file.")
    text = args.text if settings.recognisers else None
    items = pair_items(args.ref_scp, args.inf_scp, args.key_file, text, args.utt2lang)
    reused = score_items(items, settings, args.output, whole=not args.key_file)
    print(f"{args.output}: {len(items)} utterances ({reused} scored before)")


if __name__ == "__main__":
    run_main(main)
