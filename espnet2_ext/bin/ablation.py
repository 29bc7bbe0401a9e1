"""Make the training configurations of an ablation, and its table.

``expand`` reads the settings (`espnet2_ext.ablation.settings` says how), checks that
each could be trained, and writes a YAML for each to ``EXPDIR/conf`` and the options of
``enh_ssl.sh`` that name them to ``EXPDIR/options``, a word a line. ``table`` reads what
stage 8 has scored.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from espnet2_ext.ablation.settings import Setting, check, read_ablation
from espnet2_ext.ablation.tables import build_section, find_scored
from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write
from espnet2_ext.report.document import Document, to_markdown, to_plain
from espnet2_ext.report.provenance import provenance
from espnet2_ext.report.records import records, to_jsonl
from espnet2_ext.report.sources.scores import read_scored_set
from espnet2_ext.report.systems import CLEAN, NOISY


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("expand", "table"):
        sub = commands.add_parser(name)
        sub.add_argument("--ablation", type=Path, required=True, help="the settings")
        sub.add_argument(
            "--expdir", type=Path, required=True, help="of all the experiments"
        )
    commands.choices["expand"].add_argument(
        "--only", default="", help="groups or labels; default: all settings"
    )
    table = commands.choices["table"]
    table.add_argument("--seeds", required=True, help="e.g. '0 1'")
    table.add_argument("--dumpdir", type=Path, required=True, help="dump/raw")
    table.add_argument("--test_set", required=True, help="the set that was scored")
    return parser


def write_config(setting: Setting, directory: Path) -> Path:
    """Write the training configuration; the same setting gives the same bytes."""
    path = directory / f"{setting.label}.yaml"
    with atomic_write(path) as stream:
        stream.write(
            "# Made by espnet2_ext.bin.ablation: change the settings instead\n"
        )
        yaml.safe_dump(setting.config, stream, indent=4, sort_keys=False)
    return path


def expand(args: argparse.Namespace) -> None:
    """Check the settings, and write them and the options of ``enh_ssl.sh``."""
    ablation = read_ablation(args.ablation)
    settings = ablation.select(args.only.split())
    check(settings)
    configs = [write_config(setting, args.expdir / "conf") for setting in settings]
    options = {
        "--enh_config": map(str, configs),
        "--enh_label": (setting.label for setting in settings),
        "--enh_exp": (str(args.expdir / setting.label) for setting in settings),
        "--ssl_conf": ablation.score,
    }
    with atomic_write(args.expdir / "options") as stream:
        for name, values in options.items():
            stream.write(f"{name}\n{' '.join(values)}\n")
    print(f"{len(settings)} of {len(ablation.settings)} settings: {args.expdir}/conf")


def table(args: argparse.Namespace, words: Sequence[str]) -> None:
    """Write ``RESULTS.md`` and ``results.jsonl``, and print the table."""
    ablation = read_ablation(args.ablation)
    seeds = args.seeds.split()
    if not seeds:
        raise UserError("--seeds is empty; expected those of the training, e.g. '0'.")
    scored = find_scored(ablation, args.expdir, seeds, args.dumpdir, args.test_set)
    found = read_scored_set(args.dumpdir, args.test_set, scored.systems)
    section = build_section(found, scored, ablation.compare)
    command = shlex.join(["python", "-m", "espnet2_ext.bin.ablation", *words])
    document = Document(command, tuple(provenance()), (section,))
    rows = [CLEAN, NOISY, *(system.name for system in scored.systems)]
    with atomic_write(args.expdir / "results.jsonl") as stream:
        stream.write(to_jsonl(records(found.columns, rows, command)))
    with atomic_write(args.expdir / "RESULTS.md") as stream:
        stream.write(to_markdown(document))
    print(to_plain(document))
    print(f"\nTables: {args.expdir / 'RESULTS.md'}")


def main(argv: Sequence[str] | None = None) -> None:
    """Run one of the two commands."""
    words = list(sys.argv[1:] if argv is None else argv)
    args = get_parser().parse_args(words)
    if args.command == "expand":
        expand(args)
    else:
        table(args, words)


if __name__ == "__main__":
    run_main(main)
