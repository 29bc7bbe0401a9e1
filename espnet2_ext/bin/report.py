"""Make RESULTS.md and report.html from the scores of stage 8, and print the table."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main, unknown_name
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.report.document import (
    Document,
    build_section,
    to_markdown,
    to_plain,
)
from espnet2_ext.report.examples import make_examples
from espnet2_ext.report.html import to_html
from espnet2_ext.report.provenance import provenance
from espnet2_ext.report.results import CLEAN, NOISY, System, read_test_set
from espnet2_ext.report.training import training_figures

EXAMPLE_BYTES = 7_000_000  # of pictures and audio: the page stays below 8 MB


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dumpdir", type=Path, required=True, help="dump/raw")
    parser.add_argument("--test_sets", required=True, help="e.g. 'test_en test_spk2'")
    parser.add_argument(
        "--systems",
        required=True,
        help="NAME=EXP_DIR[,EXP_DIR...] ..., one directory per seed",
    )
    parser.add_argument(
        "--baseline", help="the system the others are compared with; default: first"
    )
    parser.add_argument(
        "--num_examples", type=int, default=4, help="utterances with players per set"
    )
    parser.add_argument("--output_dir", type=Path, required=True)
    return parser


def parse_systems(text: str) -> list[System]:
    """Read ``NAME=DIR,DIR NAME=DIR``.

    Raises:
        UserError: if an entry has another form, a name is taken, or a directory is
            missing.
    """
    systems: list[System] = []
    for entry in text.split():
        name, _, directories = entry.partition("=")
        paths = tuple(Path(part) for part in directories.split(",") if part)
        if not name or not paths:
            raise UserError(f"--systems: found '{entry}', expected NAME=EXP_DIR[,...].")
        if name in (CLEAN, NOISY) or name in [system.name for system in systems]:
            raise UserError(f"--systems: the name '{name}' is taken; choose another.")
        if missing := [str(path) for path in paths if not path.is_dir()]:
            raise UserError(f"--systems: no such directory: {', '.join(missing)}.")
        systems.append(System(name, paths))
    if not systems:
        raise UserError("--systems is empty; expected NAME=EXP_DIR[,...].")
    return systems


def main(argv: Sequence[str] | None = None) -> None:
    """Write both files and print the pooled tables."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = get_parser().parse_args(words)
    systems = parse_systems(args.systems)
    names = [system.name for system in systems]
    baseline = args.baseline or names[0]
    if baseline not in names:
        raise unknown_name("baseline", baseline, names)
    sets = args.test_sets.split()
    if not sets:
        raise UserError("--test_sets is empty; name at least one set.")
    test_sets = [read_test_set(args.dumpdir, name, systems) for name in sets]
    document = Document(
        shlex.join(["python", "-m", "espnet2_ext.bin.report", *words]),
        tuple(provenance()),
        tuple(build_section(test_set, systems, baseline) for test_set in test_sets),
    )
    share = EXAMPLE_BYTES // len(test_sets)
    examples = {
        t.name: make_examples(args.dumpdir, t, systems, args.num_examples, share)
        for t in test_sets
    }
    results, page = args.output_dir / "RESULTS.md", args.output_dir / "report.html"
    with atomic_write(results) as stream:
        stream.write(to_markdown(document))
    with atomic_write(page) as stream:
        stream.write(to_html(document, training_figures(systems), examples))
    print(to_plain(document))
    print(f"\nTables: {results}\nReport with curves, spectrograms and sound: {page}")


if __name__ == "__main__":
    run_main(main)
