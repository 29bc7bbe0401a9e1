"""Refuse lists whose ids cannot be file names, before ESPnet writes files of them.

python -m espnet2_ext.bin.check_ids dump/raw/test/wav.scp
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from espnet2_ext.errors import run_main
from espnet2_ext.fileio.names import check_ids
from espnet2_ext.fileio.scp import iter_scp


def main(argv: Sequence[str] | None = None) -> None:
    """Check every list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scps", nargs="+", metavar="SCP", help="lines of ID VALUE")
    for scp in parser.parse_args(argv).scps:
        check_ids([key for _, key, _ in iter_scp(scp)], scp)


if __name__ == "__main__":
    run_main(main)
