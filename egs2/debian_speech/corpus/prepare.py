"""Fetch Debian packages and make one recipe's data of them.

``python -m corpus.prepare enh|asr|ssl|base|downstream [--option value ...]``; each has
its ``--help``. Finished downloads and finished sets are kept.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from corpus.asr_sets import NOISY, SETS, asr_packages, write_asr_sets
from corpus.base_sets import write_base_sets
from corpus.build import build_corpus
from corpus.fetch import fetch_packages
from corpus.packages import downstream_packages, packages_for
from corpus.plan import Options
from corpus.ssl_sets import ssl_packages, write_ssl_sets
from espnet2_ext.errors import UserError, run_main, unknown_name

COUNTS = ("max_train_utts", "max_valid_utts", "max_test_utts", "seed")


def get_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(prog="python -m corpus.prepare")
    kinds = parser.add_subparsers(dest="kind", required=True)

    def kind(name: str, about: str) -> argparse.ArgumentParser:
        own = kinds.add_parser(name, help=about, description=about)
        own.add_argument("--downloads", default="downloads", help="of the packages")
        nj = os.cpu_count() or 1
        own.add_argument("--nj", type=int, default=nj, help="parallel processes")
        return own

    def add(
        own: argparse.ArgumentParser, name: str, default: float, about: str
    ) -> None:
        kind = type(default)
        own.add_argument(f"--{name}", type=kind, default=default, help=about)

    enh = kind("enh", "noisy speech with its references")
    enh.add_argument("--corpus_size", default="small", help="tiny small core extended")
    add(enh, "max_train_utts", 0, "before copies; 0: all")
    add(enh, "max_test_utts", 0, "also of valid; 0: all")
    add(enh, "train_copies", 1, "mixtures of each utterance")
    add(enh, "rir_prob", 0.0, "share in simulated rooms")
    add(enh, "seed", 0, "of every random choice")
    enh.add_argument("--fetch_only", action="store_true", help="stop after downloads")

    asr = kind("asr", "clean Russian speech with text, and a noisy test set")
    asr.add_argument("--sets", default=" ".join(SETS), help="which to write")
    add(asr, "max_train_utts", 0, "0: all")
    add(asr, "max_test_utts", 0, "also of valid; 0: all")
    add(asr, "seed", 0, "of the noise in test_noisy")

    ssl = kind("ssl", "clean speech under permissive licences, for pre-training")
    add(ssl, "max_train_utts", 0, "0: all")
    add(ssl, "max_valid_utts", 0, "0: all")

    base = kind("base", "the same speech, with noise and rooms to mix on the fly")
    add(base, "max_train_utts", 0, "0: all")
    add(base, "max_valid_utts", 0, "0: all")

    tasks = kind("downstream", "clean audio and manifests of tasks, and test noise")
    tasks.add_argument("--superb_size", default="demo", help="quick demo full")
    tasks.add_argument("--superb_dir", default="data/superb", help="where they go")
    for own in (enh, asr, ssl, base):
        own.add_argument("--data_dir", default="data", help="where the sets go")
    return parser


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def check_numbers(args: argparse.Namespace) -> None:
    """Refuse numbers that cannot be meant.

    Raises:
        UserError: naming all of them.
    """
    given = {name: getattr(args, name) for name in COUNTS if hasattr(args, name)}
    if args.nj < 1 or min(given.values(), default=0) < 0:
        found = " ".join(f"--{n} {v}" for n, v in {"nj": args.nj, **given}.items())
        raise UserError(
            f"found {found}; expected --nj of 1 or more and no negative number."
        )


def prepare_enh(args: argparse.Namespace) -> None:
    """Make the corpus of enhancement."""
    options = Options(
        corpus_size=args.corpus_size,
        max_train_utts=args.max_train_utts,
        max_test_utts=args.max_test_utts,
        train_copies=args.train_copies,
        rir_prob=args.rir_prob,
        seed=args.seed,
    )
    trees = fetch_packages(packages_for(args.corpus_size), Path(args.downloads), say)
    if not args.fetch_only:
        build_corpus(trees, Path(args.data_dir), options, args.nj, say)


def prepare_asr(args: argparse.Namespace) -> None:
    """Make the sets of a recogniser."""
    sets = args.sets.split()
    for name in sets:
        if name not in SETS:
            raise unknown_name("set", name, SETS)
    trees = fetch_packages(asr_packages(), Path(args.downloads), say)
    most = {
        "train": args.max_train_utts,
        **dict.fromkeys(("valid", "test", NOISY), args.max_test_utts),
    }
    write_asr_sets(trees, Path(args.data_dir), most, args.seed, args.nj, say, sets)


def prepare_permissive(args: argparse.Namespace) -> None:
    """Make the sets of a pre-training, or those of a base system."""
    trees = fetch_packages(ssl_packages(), Path(args.downloads), say)
    most = {"train": args.max_train_utts, "valid": args.max_valid_utts}
    write = write_ssl_sets if args.kind == "ssl" else write_base_sets
    write(trees, Path(args.data_dir), most, args.nj, say)


def prepare_downstream(args: argparse.Namespace) -> None:
    """Make the downstream tasks, and say what is in them."""
    from corpus.downstream.summary import summary
    from corpus.downstream.tasks import SIZES, TASKS
    from corpus.downstream.write import write_tasks

    if args.superb_size not in SIZES:  # before anything is downloaded
        raise unknown_name("--superb_size", args.superb_size, SIZES)
    trees = fetch_packages(
        downstream_packages(args.superb_size), Path(args.downloads), say
    )
    folder = Path(args.superb_dir)
    write_tasks(trees, folder, args.superb_size, args.nj, say)
    made = [task for task in TASKS if task.most(args.superb_size) is not None]
    for task in made:
        say(f"{task.name:4s}{task.title}: {'; '.join(summary(folder / task.name))}")


def main(argv: Sequence[str] | None = None) -> None:
    """Fetch and make; see ``--help``."""
    args = get_parser().parse_args(argv)
    check_numbers(args)
    prepare = {
        "enh": prepare_enh,
        "asr": prepare_asr,
        "ssl": prepare_permissive,
        "base": prepare_permissive,
        "downstream": prepare_downstream,
    }
    prepare[args.kind](args)


if __name__ == "__main__":
    run_main(main)
