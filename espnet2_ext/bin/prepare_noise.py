"""List the recordings of the user's noise corpora for noisy test sets.

python -m espnet2_ext.bin.prepare_noise --corpus musan=DIR --corpus demand=DIR
writes OUT_DIR/noise.scp (ID FILE) and OUT_DIR/utt2type (ID KIND).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.corpora.noise import NOISE_CORPORA, list_noises
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import write_scp


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    known = "\n\n".join(
        f"{name}: {noise.corpus.help_text()}" for name, noise in NOISE_CORPORA.items()
    )
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.prepare_noise",
        description=__doc__,
        epilog=known,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--corpus", action="append", default=[], metavar="NAME=DIR", help="see below")
    add("--out_dir", default="data/noise")
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Write the lists; see ``--help``."""
    args = get_parser().parse_args(argv)
    roots = {}
    for word in args.corpus:
        name, sign, root = word.partition("=")
        if not sign:
            raise UserError(f"found --corpus {word}; expected NAME=DIR.")
        roots[name] = root
    files, kinds = list_noises(roots)
    write_scp(Path(args.out_dir) / "utt2type", kinds)
    write_scp(Path(args.out_dir) / "noise.scp", files)
    for kind, count in sorted(Counter(kinds.values()).items()):
        print(f"{args.out_dir}/noise.scp: {count} recordings of {kind}", flush=True)


if __name__ == "__main__":
    run_main(main)
