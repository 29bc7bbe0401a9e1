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
from espnet2_ext.report.breakdown import SNR, check_files
from espnet2_ext.report.column import Column
from espnet2_ext.report.comparison import Comparison, compare_all, compare_set
from espnet2_ext.report.document import (
    Document,
    build_joint_section,
    build_section,
    build_summary,
    build_validation,
    to_markdown,
    to_plain,
)
from espnet2_ext.report.examples import make_examples
from espnet2_ext.report.html import to_html
from espnet2_ext.report.provenance import provenance
from espnet2_ext.report.records import (
    CLAIMS,
    RESULTS,
    claim_records,
    records,
    to_jsonl,
)
from espnet2_ext.report.sources.asr import read_asr, read_tags
from espnet2_ext.report.sources.scores import ScoredSet, read_scored_set
from espnet2_ext.report.sources.superb import read_superb
from espnet2_ext.report.sources.training import training_figures
from espnet2_ext.report.systems import System, read_systems

EXAMPLE_BYTES = 7_000_000  # of pictures and audio: the page stays below 8 MB


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dumpdir", type=Path, required=True, help="dump/raw")
    parser.add_argument("--test_sets", required=True, help="e.g. 'test_en test_spk2'")
    parser.add_argument(
        "--valid_set",
        default="",
        help="shown last, where no conclusion is drawn from it",
    )
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
    parser.add_argument(
        "--by",
        nargs="+",
        metavar="FILE",
        help="files utt2* of the test sets: a table by their values, durations in "
        f"ranges; default: {SNR} where there is one",
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


def build_document(
    words: Sequence[str],
    view: Comparison,
    scored: Sequence[ScoredSet],
    by: Sequence[str],
) -> Document:
    """Build the summary, the joint table where there is more than scores, the sets."""
    sets = [compare_set(found, view.systems, view.baseline) for found in scored]
    sections = [build_summary(sets, view)]
    if len(view.columns) > sum(len(one.columns) for one in sets):
        sections.append(build_joint_section(view))
    sections += [build_section(s, one, by) for s, one in zip(scored, sets, strict=True)]
    command = shlex.join(["python", "-m", "espnet2_ext.bin.report", *words])
    return Document(command, tuple(provenance()), tuple(sections))


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
    for name in sets:
        check_files(args.dumpdir / name, args.by or ())
    scored = [read_scored_set(args.dumpdir, name, systems) for name in sets]
    further = read_further(args, systems)
    view = compare_all(scored, further, systems, baseline)
    document = build_document(words, view, scored, args.by or [SNR])
    columns = [column for found in scored for column in found.columns] + further
    if args.valid_set and args.valid_set not in sets:
        found = read_scored_set(args.dumpdir, args.valid_set, systems)
        document = document.add(build_validation(found, view))
        columns += found.columns
    share = EXAMPLE_BYTES // len(scored)
    examples = {
        found.name: make_examples(found, systems, args.num_examples, share)
        for found in scored
    }
    curves = [s for s in systems if s.trained and not s.adds_observation]
    figures = training_figures(curves)
    results, page = args.output_dir / "RESULTS.md", args.output_dir / "report.html"
    numbers = args.output_dir / RESULTS
    with atomic_write(numbers) as stream:
        stream.write(to_jsonl(records(columns, view.rows, document.command)))
    with atomic_write(args.output_dir / CLAIMS) as stream:
        stream.write(to_jsonl(claim_records(view, document.command)))
    with atomic_write(results) as stream:
        stream.write(to_markdown(document))
    with atomic_write(page) as stream:
        stream.write(to_html(document, figures, examples))
    print(to_plain(document))
    print(f"\nTables: {results}; for programs: {numbers}")
    print(f"Report with curves, spectrograms and sound: {page}")


if __name__ == "__main__":
    run_main(main)
