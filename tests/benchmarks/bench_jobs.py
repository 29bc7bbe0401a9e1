"""What the job wrappers cost, on this machine and on a private Slurm.

    python -m tests.benchmarks.bench_jobs [--jobs 100] [--reference KALDI_PARALLEL_DIR]

Measured in one run, in seconds:

  array    an array of jobs that do nothing, from the call to the return
  return   from the end of one job to the return (job script's last line to exit)
  failed   from the end of a failing task to the return
  cancel   from scancel to the return
  split    a stage of four equal parts of pure computation through one job and two:
           run.pl --max-jobs-run 1 and 2, slurm.pl with JOB=1:1 and JOB=1:2

With --reference the run.pl and slurm.pl of another checkout (Kaldi's
egs/wsj/s5/utils/parallel) are measured beside ours; its cancel takes 7 minutes and is
left out unless --patience allows it.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from tests.cluster.running import UTILS, Cluster, free_ports, wait_for

WORK = "i = 0\nwhile i < {}: i += 1"
PARTS, LOOPS = 4, 12_000_000


class Bench:
    """Calls of one set of wrappers."""

    def __init__(self, cluster: Cluster, wrappers: Path) -> None:
        self.cluster, self.wrappers = cluster, wrappers
        self.calls = 0

    def start(self, wrapper: str, *words: str) -> subprocess.Popen[str]:
        """Start a wrapper in the recipe's directory."""
        return subprocess.Popen(
            [str(self.wrappers / wrapper), *words],
            cwd=self.cluster.recipe,
            env=self.cluster.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def seconds(self, wrapper: str, *words: str) -> float:
        """Time of a call that must succeed."""
        start = time.monotonic()
        process = self.start(wrapper, *words)
        _, said = process.communicate()
        if process.returncode:
            raise RuntimeError(said)
        return time.monotonic() - start

    def log(self, name: str) -> str:
        """Return a new log name; its q/ exists, so that nobody sleeps for NFS."""
        self.calls += 1
        folder = f"{self.wrappers.name}{self.calls}"
        (self.cluster.recipe / folder / "q/sync").mkdir(parents=True)
        return f"{folder}/{name}"

    def array(self, wrapper: str, jobs: int) -> float:
        """Time of an array that does nothing."""
        return self.seconds(wrapper, f"JOB=1:{jobs}", self.log("a.JOB.log"), "true")

    def after_end(self, wrapper: str, status: int) -> float:
        """Time from a job's end to the return."""
        log = self.log("e.log")
        note = f"date +%s.%N > {log}.end"
        end = ("sleep", "5", ";", "bash", "-c", note, ";", "exit", str(status))
        self.start(wrapper, log, *end).communicate()
        return time.time() - float((self.cluster.recipe / f"{log}.end").read_text())

    def after_cancel(self, patience: float) -> str:
        """Time from scancel to the return of slurm.pl."""
        log = self.log("c.log")
        process = self.start("slurm.pl", log, "sleep", "600")
        wait_for(lambda: (self.cluster.recipe / log).exists())
        time.sleep(1)
        start = time.monotonic()
        self.cluster.ask("scancel", "--user=root")
        try:
            process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.terminate()
            process.communicate()
            return f"> {patience:.0f}"
        return f"{time.monotonic() - start:.2f}"

    def split(self, wrapper: str, jobs: int) -> float:
        """Time of the same computation in ``jobs`` jobs."""
        code = WORK.format(PARTS * LOOPS // jobs).replace("\n", "\\n")
        script = self.cluster.recipe / f"work{jobs}.py"
        script.write_text(code.replace("\\n", "\n") + "\n")
        limit = ("--max-jobs-run", str(jobs), f"JOB=1:{jobs}")
        return self.seconds(
            wrapper, *limit, self.log("s.JOB.log"), "python3", f"work{jobs}.py"
        )


def measure(bench: Bench, jobs: int, patience: float) -> dict[str, str]:
    """All figures of one set of wrappers."""
    row = {}
    for wrapper in ("run.pl", "slurm.pl"):
        row[f"array of {jobs} through {wrapper}"] = f"{bench.array(wrapper, jobs):.2f}"
    row["return after a job's end, run.pl"] = f"{bench.after_end('run.pl', 0):.2f}"
    row["return after a job's end, slurm.pl"] = f"{bench.after_end('slurm.pl', 0):.2f}"
    row["return after a failure, slurm.pl"] = f"{bench.after_end('slurm.pl', 3):.2f}"
    row["return after scancel, slurm.pl"] = bench.after_cancel(patience)
    for wrapper in ("run.pl", "slurm.pl"):
        one, two = bench.split(wrapper, 1), bench.split(wrapper, 2)
        text = f"{one:.1f} / {two:.1f} = {one / two:.2f}"
        row[f"split stage, 1 job / 2 jobs, {wrapper}"] = text
    return row


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--reference", type=Path, help="folder with other wrappers")
    parser.add_argument("--patience", type=float, default=60, help="s, for cancel")
    args = parser.parse_args()
    sets = {"ours": UTILS}
    if args.reference:
        sets["reference"] = args.reference.resolve()
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster("slurm", Path(folder), SLURM_PORT=str(free_ports(7)))
        cluster.start()
        try:
            rows = {
                name: measure(Bench(cluster, path), args.jobs, args.patience)
                for name, path in sets.items()
            }
        finally:
            cluster.stop()
    print(f"| seconds | {' | '.join(rows)} |\n| --- |{' --- |' * len(rows)}")
    for label in rows["ours"]:
        print(f"| {label} | {' | '.join(row[label] for row in rows.values())} |")


if __name__ == "__main__":
    main()
