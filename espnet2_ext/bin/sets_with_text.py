"""Print those of several sets that have a transcript, in one line.

python -m espnet2_ext.bin.sets_with_text --dir dump/raw --all_needed true test1 test2
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main


def sets_with_text(folder: Path, sets: Sequence[str], all_needed: bool) -> list[str]:
    """Choose the sets with a transcript.

    Args:
        folder: of the sets.
        sets: their names.
        all_needed: whether one without is an error, or left out with a line.

    Raises:
        UserError: if a needed one is missing, or none is left.
    """
    files = {name: folder / name / "text" for name in sets}
    chosen = [x for x, path in files.items() if path.is_file() and path.stat().st_size]
    for name in sets:
        if name not in chosen and all_needed:
            raise UserError(
                f"found no {files[name]}; --asr_test_sets needs transcripts; add text "
                "in local/data.sh."
            )
        if name not in chosen:
            print(f"  {name}: not decoded, it has no text", file=sys.stderr)
    if not chosen:
        raise UserError(
            f"found no text in any of {' '.join(sets)}; expected transcripts; add text "
            "in local/data.sh."
        )
    return chosen


def main(argv: Sequence[str] | None = None) -> None:
    """Print the chosen sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--dir", type=Path, required=True, help="of the sets")
    add("--all_needed", choices=("true", "false"), default="false")
    add("sets", nargs="+", metavar="SET")
    args = parser.parse_args(argv)
    print(*sets_with_text(args.dir, args.sets, args.all_needed == "true"))


if __name__ == "__main__":
    run_main(main)
