"""Data directories of VoiceBank-DEMAND: training, validation and test.

python -m espnet2_ext.bin.prepare_voicebank_demand --corpus_dir DIR
writes OUT_DIR/{train,valid,test} with wav.scp, spk1.scp, utt2spk, spk2utt, and, where
the corpus has them, text, utt2noise and utt2snr. Audio stays where it is.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.corpora.voicebank_demand import (
    CORPUS,
    VALID_SPEAKERS,
    NoisyPair,
    read_pairs,
)
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp

OPTIONAL = {"text": "text", "utt2noise": "noise", "utt2snr": "snr"}


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_voicebank_demand",
        description=__doc__,
        epilog=CORPUS.help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpus_dir", default="", help="folder of the corpus")
    add("--speakers", choices=("28", "56"), default="28", help="of the training set")
    add("--valid_speakers", default=" ".join(VALID_SPEAKERS), help="cut from training")
    add(
        "--allow_partial", action="store_true", help="accept fewer files than published"
    )
    add("--out_dir", type=Path, default=Path("data"))
    return parser


def normalised(text: str) -> str:
    """Give words as recognisers are scored: upper case, no punctuation."""
    return " ".join(re.sub(r"[^\w' ]", " ", text).upper().split())


def write_set(folder: Path, pairs: Mapping[str, NoisyPair]) -> None:
    """Write one data directory; wav.scp comes last."""
    utt2spk = {utt: pair.speaker for utt, pair in pairs.items()}
    write_scp(folder / "utt2spk", utt2spk)
    write_scp(folder / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    for name, field in OPTIONAL.items():
        values = {utt: getattr(pair, field) for utt, pair in pairs.items()}
        if field == "text":
            values = {utt: normalised(text) for utt, text in values.items()}
        if all(values.values()):
            write_scp(folder / name, values)
        else:
            (folder / name).unlink(missing_ok=True)
            print(f"{folder}: no {name}, which the corpus lacks here", flush=True)
    write_scp(folder / "spk1.scp", {utt: pair.clean for utt, pair in pairs.items()})
    write_scp(folder / "wav.scp", {utt: pair.noisy for utt, pair in pairs.items()})
    print(f"{folder}: {len(pairs)} utterances, {len(set(utt2spk.values()))} speakers")


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sets; see ``--help``."""
    args = get_parser().parse_args(argv)
    if not args.corpus_dir:
        raise UserError(f"{CORPUS.variable} of db.sh is empty; {CORPUS.help_text()}")
    part = f"trainset_{args.speakers}spk"
    training = read_pairs(args.corpus_dir, part, args.allow_partial)
    test = read_pairs(args.corpus_dir, "testset", args.allow_partial)
    held_out = set(args.valid_speakers.split())
    valid = {utt: pair for utt, pair in training.items() if pair.speaker in held_out}
    train = {utt: pair for utt, pair in training.items() if utt not in valid}
    if not train or not valid or held_out != {pair.speaker for pair in valid.values()}:
        speakers = sorted({pair.speaker for pair in training.values()})
        raise UserError(
            f"--valid_speakers: found '{args.valid_speakers}'; expected some of "
            f"{' '.join(speakers)}, and others left to train on."
        )
    for name, pairs in (("train", train), ("valid", valid), ("test", test)):
        write_set(args.out_dir / name, pairs)


if __name__ == "__main__":
    run_main(main)
