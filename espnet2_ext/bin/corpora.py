"""List the corpora that may be downloaded, or download some.

python -m espnet2_ext.bin.corpora
python -m espnet2_ext.bin.corpora --download "librispeech:dev-clean musan" --to DIR
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.corpora.archives import ARCHIVES, Archive, find_archives
from espnet2_ext.corpora.download import fetch
from espnet2_ext.errors import UserError, run_main


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.corpora",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--download", default="", metavar="NAMES", help="corpus or corpus:part ...")
    add("--to", type=Path, help="folder that the archives are unpacked in")
    add("--keep_archives", action="store_true", help="leave the archives there, too")
    return parser


def line_of(archive: Archive) -> str:
    """Describe an archive in a line."""
    size = f"{archive.size / 1e6:,.0f} MB" if archive.size else "?"
    checked = archive.checksum.partition(":")[0] or "-"
    return f"{archive.name:44s} {size:>10s}  {checked:6s} {archive.licence}"


def main(argv: Sequence[str] | None = None) -> None:
    """List or download; see ``--help``."""
    args = get_parser().parse_args(argv)
    if not args.download:
        print(f"{'name':44s} {'size':>10s}  check  licence")
        print(*map(line_of, ARCHIVES.values()), sep="\n")
        return
    if args.to is None:
        raise UserError("found no --to; expected the folder to unpack in.")
    for archive in find_archives(args.download.split()):
        print(f"{archive.name}: {archive.licence}", flush=True)
        fetch(
            archive, args.to, lambda line: print(line, flush=True), args.keep_archives
        )


if __name__ == "__main__":
    run_main(main)
