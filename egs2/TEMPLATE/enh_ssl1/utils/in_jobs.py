#!/usr/bin/env python3
r"""Run a command in jobs of a wrapper, each with its part of lists; merge outputs.

    in_jobs.py --cmd "slurm.pl --mem 4G" --jobs 4 --log DIR/logdir/NAME.JOB.log \
        --split keys=wav.scp --merge spk1.scp -- \
        COMMAND --key_file DIR/logdir/keys.JOB.scp --output_dir DIR/logdir/output.JOB

JOB in the log's name and in the command is the job's number. --work is the fingerprint
of the work (bin.fingerprint): logs of other work are removed, and where the same work
was broken off only the unfinished jobs are repeated. Done work is done anew.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

# The wrappers of utils/ can repeat unfinished jobs; those of another checkout cannot.
KNOW_PICK = re.compile(r"(run|stdout|slurm|queue)\.pl(\s|$)")
BEGUN = ".begun"  # in the directory of the logs: what they are of


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--cmd", required=True, help="the wrapper with its options")
    add("--jobs", type=int, required=True, help="how many")
    add("--log", type=Path, required=True, help="of each job, with JOB in its name")
    add("--work", default="", help="its fingerprint")
    add("--resume_jobs", choices=("true", "false"), default="true")
    add("--split", action="append", default=[], metavar="PREFIX=SCP")
    add(
        "--merge",
        default="",
        help="files in output.JOB, merged beside the logs' folder",
    )
    add("--then", default="", metavar="COMMAND", help="run when all jobs are done")
    add("command", nargs="+", help="with its options, after --")
    return parser


def fail(message: str) -> NoReturn:
    """Say what is wrong, and stop."""
    print(f"ERROR: {message}", file=sys.stderr)
    sys.exit(1)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under its name only when complete."""
    temporary = path.with_name(f"{path.name}.tmp.{os.getpid()}")
    temporary.write_bytes(data)
    temporary.replace(path)


def prepare_logs(directory: Path, work: str, may_resume: bool) -> list[str]:
    """Empty the directory of logs, unless the same work was broken off there.

    Args:
        directory: of the logs.
        work: fingerprint of what is done.
        may_resume: whether finished jobs may be kept.

    Returns:
        Options of the wrapper: which jobs it runs.
    """
    begun = directory / BEGUN
    if may_resume and begun.is_file() and begun.read_text(encoding="utf-8") == work:
        return ["--pick", "failed"]
    directory.mkdir(parents=True, exist_ok=True)
    # *.out is what this very process prints
    for path in sorted(directory.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.suffix != ".out":
            path.unlink()
    write_whole(begun, work.encode())
    return []


def split_list(scp: Path, jobs: int, prefix: Path) -> None:
    """Write ``PREFIX.1.scp`` to ``PREFIX.<jobs>.scp``: the lines, in order, evenly."""
    lines = scp.read_bytes().splitlines(keepends=True)
    for job in range(1, jobs + 1):
        first, last = (-(-number * len(lines) // jobs) for number in (job - 1, job))
        write_whole(
            prefix.with_name(f"{prefix.name}.{job}.scp"), b"".join(lines[first:last])
        )


def merge_outputs(logs: Path, jobs: int, output: str, expected: int) -> None:
    """Sort the lines that all jobs left in one file.

    Args:
        logs: the directory of the logs, with ``output.<job>``.
        jobs: how many there were.
        output: path within ``output.<job>``.
        expected: number of lines.

    Raises:
        SystemExit: if a part is missing, or the number of lines is another.
    """
    parts = [logs / f"output.{job}" / output for job in range(1, jobs + 1)]
    if missing := [str(part) for part in parts if not part.is_file()]:
        fail(f"found no {missing[0]}; expected what the job left; see {logs}/*.log.")
    target = logs.parent / Path(output).name
    lines = sorted(x for part in parts for x in part.read_bytes().splitlines(True))
    if len(lines) != expected:
        fail(
            f"found {len(lines)} lines in {target}; expected {expected}, as in the "
            f"list that was shared out; see {logs}/*.log."
        )
    write_whole(target, b"".join(lines))


def call(command: Sequence[str]) -> None:
    """Run a command; end with its exit code if that is not 0."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(done.returncode)


def main(argv: Sequence[str] | None = None) -> None:
    """Split, run, merge and do the rest; the exit code is that of what failed."""
    args = get_parser().parse_args(argv)
    work, logs = f"{args.work}\n{args.jobs}\n", args.log.parent
    may_resume = args.resume_jobs == "true" and KNOW_PICK.match(args.cmd) is not None
    pick = prepare_logs(logs, work, may_resume)
    lists = dict(word.split("=", 1) for word in args.split)
    for prefix, scp in lists.items():
        split_list(Path(scp), args.jobs, logs / prefix)
    wrapper = [*shlex.split(args.cmd), *pick, f"JOB=1:{args.jobs}", str(args.log)]
    call([*wrapper, *args.command])
    for output in args.merge.split():
        expected = len(Path(next(iter(lists.values()))).read_bytes().splitlines())
        merge_outputs(logs, args.jobs, output, expected)
    if args.then:
        call(shlex.split(args.then))
    (logs / BEGUN).unlink()


if __name__ == "__main__":
    main()
