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
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import run_main
from espnet2_ext.superb.check import SHOWN, check_all
from espnet2_ext.superb.tasks import TASKS, parse_tasks


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
    add("--max_per_kind", type=int, default=SHOWN, help="lines shown of a kind; 0: all")
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


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; see ``--help``."""
    args = get_parser().parse_args(argv)
    os.environ.setdefault("TQDM_MININTERVAL", "2")  # s3prl's bars, in log files
    tasks, superb_dir = parse_tasks(args.tasks), Path(args.superb_dir)
    check_all(tasks, superb_dir, getattr(args, "max_per_kind", SHOWN))
    if args.command == "check":
        return
    from espnet2_ext.superb import run  # brings torch and s3prl

    probes = run.make_probes(
        tasks,
        superb_dir=superb_dir,
        upstream=args.upstream,
        conf_dir=Path(args.conf_dir),
        exp_dir=Path(args.exp_dir),
        num_threads=args.num_threads,
        device=args.device,
        max_store_gb=args.max_store_gb,
    )
    if args.command == "train":
        run.train_all(probes)
    else:
        conditions = run.read_conditions(args.condition)
        run.evaluate_all(probes, args.clean_scp, conditions)


if __name__ == "__main__":
    run_main(main)
