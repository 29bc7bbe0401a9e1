"""Make RESULTS.md, report.html and results.jsonl, and print the table.

From the scores of stage 8 and, where they are given, the recognition results of stage
10 and the probes of stage 14: with these, a joint table of all comes first.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main, unknown_name
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.report.asr import read_asr, read_tags
from espnet2_ext.report.column import (
    DOWNSTREAM,
    RECOGNISER,
    SIGNAL,
    Column,
    ScoreColumn,
    score_columns,
)
from espnet2_ext.report.document import (
    Document,
    build_joint_section,
    build_section,
    to_markdown,
    to_plain,
)
from espnet2_ext.report.examples import make_examples
from espnet2_ext.report.html import to_html
from espnet2_ext.report.joint import Joint
from espnet2_ext.report.provenance import provenance
from espnet2_ext.report.records import to_jsonl
from espnet2_ext.report.results import read_test_set
from espnet2_ext.report.superb import read_superb
from espnet2_ext.report.systems import CLEAN, NOISY, System, read_systems
from espnet2_ext.report.tables import HIDDEN_KEYS
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
        "--systems", type=Path, required=True, help="exp/systems.tsv, made by bin.plan"
    )
    parser.add_argument(
        "--baseline", help="the system the others are compared with; default: first"
    )
    parser.add_argument(
        "--num_examples", type=int, default=4, help="utterances with players per set"
    )
    parser.add_argument(
        "--superb_dir", type=Path, help="results of the probes, e.g. exp/superb"
    )
    parser.add_argument(
        "--superb_tasks", default="", help="tasks to show; default: all evaluated"
    )
    parser.add_argument(
        "--asr_tag",
        default="",
        help="ESPnet recognisers of stages 9 and 10 (OUTPUT_DIR/asr_TAG)",
    )
    parser.add_argument(
        "--asr_test_sets", default="", help="sets they decoded; default: --test_sets"
    )
    parser.add_argument("--output_dir", type=Path, required=True)
    return parser


def read_further(args: argparse.Namespace, systems: Sequence[System]) -> list[Column]:
    """Read the columns of the probes and of the ESPnet recognisers."""
    columns: list[Column] = []
    if args.superb_dir is not None:
        tasks = args.superb_tasks.replace(",", " ").split()
        columns += read_superb(args.superb_dir, tasks, systems)
    elif args.superb_tasks:
        raise UserError("--superb_tasks needs --superb_dir; give it, or neither.")
    sets = (args.asr_test_sets or args.test_sets).split()
    tags = read_tags(args.asr_tag, args.output_dir)
    return columns + read_asr(args.dumpdir, sets, tags, systems)


def order_columns(
    scored: Sequence[ScoreColumn], further: Sequence[Column]
) -> tuple[Column, ...]:
    """Bring signal metrics before downstream tasks before recognisers."""
    shown = [c for c in scored if c.heading.metric not in HIDDEN_KEYS]
    kinds = (SIGNAL, DOWNSTREAM, RECOGNISER)
    return tuple(
        sorted([*shown, *further], key=lambda column: kinds.index(column.heading.kind))
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files and print the tables."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = get_parser().parse_args(words)
    systems = read_systems(args.systems)
    names = [system.name for system in systems if system.trained]
    baseline = args.baseline or names[0]
    if baseline not in names:
        raise unknown_name("baseline", baseline, names)
    sets = args.test_sets.split()
    if not sets:
        raise UserError("--test_sets is empty; name at least one set.")
    test_sets = [read_test_set(args.dumpdir, name, systems) for name in sets]
    scored = [c for t in test_sets for c in score_columns(args.dumpdir, t, systems)]
    further = read_further(args, systems)
    sections = [build_section(test_set, systems, baseline) for test_set in test_sets]
    if further:
        columns = order_columns(scored, further)
        joint = Joint(columns, tuple(systems), baseline)
        sections.insert(0, build_joint_section(joint))
    command = shlex.join(["python", "-m", "espnet2_ext.bin.report", *words])
    document = Document(command, tuple(provenance()), tuple(sections))
    share = EXAMPLE_BYTES // len(test_sets)
    examples = {
        t.name: make_examples(args.dumpdir, t, systems, args.num_examples, share)
        for t in test_sets
    }
    curves = [s for s in systems if s.trained and not s.adds_observation]
    figures = training_figures(curves)
    results, page = args.output_dir / "RESULTS.md", args.output_dir / "report.html"
    numbers = args.output_dir / "results.jsonl"
    rows = [CLEAN, NOISY, *(system.name for system in systems)]
    with atomic_write(numbers) as stream:
        stream.write(to_jsonl([*scored, *further], rows, command))
    with atomic_write(results) as stream:
        stream.write(to_markdown(document))
    with atomic_write(page) as stream:
        stream.write(to_html(document, figures, examples))
    print(to_plain(document))
    print(f"\nTables: {results}; for programs: {numbers}")
    print(f"Report with curves, spectrograms and sound: {page}")


if __name__ == "__main__":
    run_main(main)
