"""Data directories of WHAM! or Libri2Mix: one speaker and noise.

python -m espnet2_ext.bin.prepare_mix_single --corpus libri2mix --corpus_dir DIR
writes OUT_DIR/{train,valid,test} with wav.scp (mix_single), spk1.scp (s1), noise1.scp,
utt2spk and spk2utt; with --librispeech_dir also text. Audio stays where it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from espnet2_ext.corpora.librispeech import COUNTS, read_part
from espnet2_ext.corpora.mix_single import MIXED, SingleMixture, read_mixtures
from espnet2_ext.errors import UserError, run_main, shorten, unknown_name
from espnet2_ext.fileio.scp import utt2spk_to_spk2utt, write_scp

SETS = {
    "wham": {"train": "tr", "valid": "cv", "test": "tt"},
    "libri2mix": {"train": "train-100", "valid": "dev", "test": "test"},
}
STREAMS = {"noise1.scp": "noise", "spk1.scp": "s1", "wav.scp": "mix_single"}


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    known = "\n\n".join(f"{k}: {v.corpus.help_text()}" for k, v in MIXED.items())
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_mix_single",
        description=__doc__,
        epilog=known,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpus", required=True, help="wham or libri2mix")
    add("--corpus_dir", default="", help="its folder")
    add("--train_part", help="libri2mix: train-100 (default) or train-360")
    add("--librispeech_dir", default="", help="libri2mix: transcripts")
    add(
        "--allow_partial", action="store_true", help="accept fewer files than published"
    )
    add("--out_dir", type=Path, default=Path("data"))
    return parser


def read_texts(root: str) -> dict[str, str]:
    """Read the transcripts of every part of LibriSpeech that is there."""
    parts = [part for part in COUNTS if next(Path(root).glob(f"**/{part}"), None)]
    texts: dict[str, str] = {}
    for part in parts:
        speech = read_part(root, part, allow_partial=True)
        texts |= {utt: one.text for utt, one in speech.items()}
    return texts


def write_set(
    folder: Path, mixtures: Mapping[str, SingleMixture], texts: Mapping[str, str]
) -> None:
    """Write one data directory; wav.scp comes last.

    Raises:
        UserError: if transcripts are given and one is missing.
    """
    sources = {id_: mixture.source for id_, mixture in mixtures.items()}
    if texts and (lost := [s for s in sources.values() if s not in texts]):
        raise UserError(
            f"--librispeech_dir: found no transcript of {len(lost)} utterances of "
            f"{folder.name} ({shorten(lost)}); expected the parts they are from."
        )
    utt2spk = {id_: mixture.speaker for id_, mixture in mixtures.items()}
    write_scp(folder / "utt2spk", utt2spk)
    write_scp(folder / "spk2utt", utt2spk_to_spk2utt(utt2spk))
    if texts:
        write_scp(folder / "text", {id_: texts[s] for id_, s in sources.items()})
    for name, stream in STREAMS.items():
        write_scp(folder / name, {k: m.files[stream] for k, m in mixtures.items()})
    print(
        f"{folder}: {len(mixtures)} utterances, {len(set(utt2spk.values()))} speakers"
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the sets; see ``--help``."""
    args = get_parser().parse_args(argv)
    if args.corpus not in MIXED:
        raise unknown_name("--corpus", args.corpus, MIXED)
    corpus = MIXED[args.corpus].corpus
    if not args.corpus_dir:
        raise UserError(f"{corpus.variable} of db.sh is empty; {corpus.help_text()}")
    parts = dict(SETS[args.corpus])
    if args.train_part:
        parts["train"] = args.train_part
    sets = {
        name: read_mixtures(args.corpus, args.corpus_dir, part, args.allow_partial)
        for name, part in parts.items()
    }
    texts = read_texts(args.librispeech_dir) if args.librispeech_dir else {}
    for name, mixtures in sets.items():
        write_set(args.out_dir / name, mixtures, texts)


if __name__ == "__main__":
    run_main(main)
