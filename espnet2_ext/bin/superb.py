r"""SUPERB-style probes on a frozen upstream: check manifests, train heads, evaluate.

    python -m espnet2_ext.bin.superb check --superb_dir data/superb --tasks "pr ks"
    python -m espnet2_ext.bin.superb train --superb_dir data/superb --tasks "pr ks" \
        --upstream conf/ssl/whisper_tiny_en.yaml --conf_dir conf/superb
    python -m espnet2_ext.bin.superb evaluate ... \
        --clean_scp data/test_superb/spk1.scp \
        --condition noisy=dump/raw/test_superb/wav.scp

Heads are trained once on clean speech; every condition is evaluated with the same.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.superb.tasks import TASKS, Task, parse_tasks

if TYPE_CHECKING:
    from espnet2_ext.superb.probe import Probe

NAME = re.compile(r"^\w[\w.+-]*$")


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m espnet2_ext.bin.superb",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="report all problems of the manifests")
    _add_data(check)
    add = check.add_argument
    add("--max_per_kind", type=int, default=20, help="lines shown of a kind; 0: all")
    train = commands.add_parser("train", help="train one head a task, on clean speech")
    _add_data(train)
    _add_probe(train)
    evaluate = commands.add_parser("evaluate", help="evaluate conditions")
    _add_data(evaluate)
    _add_probe(evaluate)
    add = evaluate.add_argument
    add("--clean_scp", required=True, help="ids of the test audio in the manifests")
    add(
        "--condition",
        nargs="+",
        required=True,
        metavar="NAME=SCP",
        help="audio of a condition, with the ids of --clean_scp",
    )
    return parser


def _add_data(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--superb_dir", required=True, help="manifests: TASK/{train,valid,test}.csv")
    add("--tasks", required=True, help=f"in quotes, some of: {' '.join(TASKS)}")


def _add_probe(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--upstream", required=True, help="conf/ssl/TAG.yaml, or a name of s3prl")
    add("--conf_dir", default="conf/superb", help="settings: TASK.yaml")
    add("--exp_dir", default="exp/superb", help="written to: TAG/TASK/")
    add("--num_threads", type=int, default=0, help="of torch; 0: its own default")
    add("--device", choices=("auto", "cpu", "cuda"), default="auto")
    add(
        "--max_store_gb",
        type=float,
        default=50,
        help="disk that an upstream's features may take",
    )


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def check_all(tasks: list[Task], superb_dir: Path, shown: int) -> None:
    """Check the manifests of all tasks.

    Raises:
        UserError: with all problems of all tasks.
    """
    from espnet2_ext.superb.check import check_task, refuse

    problems, lines = [], []
    for task in tasks:
        found, rows = check_task(task, superb_dir)
        problems += found
        counts = ", ".join(f"{split} {count}" for split, count in rows.items())
        lines.append(f"{task.name}: {len(found)} problems; rows: {counts}")
    say("\n".join(lines))
    refuse(problems, f"the manifests of {superb_dir}", shown)


def make_probes(args: argparse.Namespace, tasks: list[Task]) -> list[Probe]:
    """Load what all tasks share once; check every task's settings."""
    import torch

    from espnet2_ext.enh.fragment import read_upstream
    from espnet2_ext.superb.features import StoredUpstream
    from espnet2_ext.superb.probe import Probe

    if args.num_threads:
        torch.set_num_threads(args.num_threads)
    device = args.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    spec = read_upstream(args.upstream)
    if not NAME.match(spec.tag):
        raise UserError(f"'{spec.tag}' cannot name a directory; give a plain name.")
    folder = Path(args.exp_dir) / spec.tag
    store = StoredUpstream(spec, folder / "features", int(args.max_store_gb * 1e9))
    superb_dir, conf_dir = Path(args.superb_dir), Path(args.conf_dir)
    probes = [
        Probe(task, superb_dir, conf_dir, folder / task.name, store, device)
        for task in tasks
    ]
    for probe in probes:
        probe.config  # noqa: B018 (read now: a wrong key must not cost a training)
    return probes


def train_all(args: argparse.Namespace, tasks: list[Task]) -> None:
    """Train the head of every task that has none."""
    check_all(tasks, Path(args.superb_dir), 20)
    from espnet2_ext.superb.training import train

    probes = make_probes(args, tasks)
    for number, probe in enumerate(probes, start=1):
        started = time.monotonic()
        steps = probe.config["train"]["total_steps"]
        say(f"[{number}/{len(probes)}] {probe.task.name}: {probe.task.title}")
        new = train(probe)
        took = f"{steps} steps in {time.monotonic() - started:.0f} s"
        head = probe.head() or {}
        say(
            f"[{number}/{len(probes)}] {probe.task.name}: "
            f"{took if new else 'trained before'}; head of step {head['step']}, "
            f"by {head['chosen_on']}"
        )
    say(probes[0].upstream.store.summary())


def read_conditions(values: Sequence[str]) -> dict[str, str]:
    """Read NAME=SCP.

    Raises:
        UserError: for anything else, or a name twice.
    """
    conditions: dict[str, str] = {}
    for value in values:
        name, _, scp = value.partition("=")
        if not NAME.match(name) or not scp or name in conditions:
            raise UserError(
                f"found --condition '{value}'; expected NAME=SCP, each name once."
            )
        conditions[name] = scp
    return conditions


def build_views(args: argparse.Namespace, probes: list[Probe]) -> dict[str, str]:
    """Write the view of every task and condition.

    Raises:
        UserError: with all problems of all of them.
    """
    from espnet2_ext.superb.check import refuse
    from espnet2_ext.superb.views import ViewBuilder

    conditions, problems = read_conditions(args.condition), []
    for name, scp in conditions.items():
        builder = ViewBuilder(args.clean_scp, scp)
        for probe in probes:
            problems += builder.build(probe.task, probe.superb_dir, probe.view(name))
    refuse(problems, "the conditions")
    return conditions


def evaluate_all(args: argparse.Namespace, tasks: list[Task]) -> None:
    """Evaluate every task in every condition."""
    check_all(tasks, Path(args.superb_dir), 20)
    from espnet2_ext.superb.evaluation import evaluate

    probes = make_probes(args, tasks)
    conditions = build_views(args, probes)
    todo = [(probe, name) for probe in probes for name in conditions]
    for number, (probe, name) in enumerate(todo, start=1):
        started = time.monotonic()
        result, new = evaluate(probe, name)
        took = f"in {time.monotonic() - started:.0f} s" if new else "evaluated before"
        say(
            f"[{number}/{len(todo)}] {probe.task.name} {name}: {result['metric']} "
            f"{result['value']:.2f} {result['unit']}, {result['items']} items ({took})"
        )
    say(probes[0].upstream.store.summary())


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; see ``--help``."""
    args = get_parser().parse_args(argv)
    os.environ.setdefault("TQDM_MININTERVAL", "2")  # s3prl's bars, in log files
    tasks = parse_tasks(args.tasks)
    if args.command == "check":
        check_all(tasks, Path(args.superb_dir), args.max_per_kind)
    elif args.command == "train":
        train_all(args, tasks)
    else:
        evaluate_all(args, tasks)


if __name__ == "__main__":
    run_main(main)
