"""How waiting OpenMP threads cost: alone on the machine, and beside other work.

A thread that has done its part of an operation spins for a while before it sleeps.
Spinning saves a wake-up where every thread has a core. On a shared machine it takes the
core from the thread that everybody waits for. Each setting trains a small
convolutional network in a process of its own, in turn, with as many threads as cores;
the figure is steps a second against the default on the idle machine.

    python -m tests.benchmarks.bench_waiting [--rounds 3] [--seconds 5]

``--settings`` takes environments, ``GOMP_SPINCOUNT=1000`` or ``A=1,B=2``.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS = ["", "OMP_WAIT_POLICY=passive", "GOMP_SPINCOUNT=2000"]
SETTINGS += ["GOMP_SPINCOUNT=10000", "GOMP_SPINCOUNT=100000"]

STEPS = """
import sys, time
import torch
from torch import nn
torch.manual_seed(0)
blocks = [
    nn.Sequential(nn.Conv1d(128, 256, 1), nn.PReLU(),
                  nn.Conv1d(256, 256, 3, padding=2**n, dilation=2**n, groups=256),
                  nn.PReLU(), nn.Conv1d(256, 128, 1))
    for n in range(6)
] * 2
net = nn.Sequential(*blocks)
optimizer = torch.optim.Adam(net.parameters())
x = torch.randn(8, 128, 126)
def step():
    optimizer.zero_grad()
    (net(x) - x).square().mean().backward()
    optimizer.step()
for _ in range(3):
    step()
start, steps = time.perf_counter(), 0
while time.perf_counter() - start < float(sys.argv[1]):
    step()
    steps += 1
print(steps / (time.perf_counter() - start))
"""


def cores() -> int:
    """Count the processors this process may use."""
    return len(os.sched_getaffinity(0))


def speed(setting: str, seconds: float) -> float:
    """Train with the environment ``A=1,B=2``; steps a second."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))}
    env |= dict(pair.split("=") for pair in setting.split(",") if pair)
    env["OMP_NUM_THREADS"] = str(cores())
    command = [sys.executable, "-c", STEPS, str(seconds)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return float(done.stdout)


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Keep ``count`` cores busy with other processes."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(count)
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Print a table: settings against idle and shared machines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--settings", nargs="+", default=SETTINGS)
    args = parser.parse_args()
    loads = {"idle": 0, "one neighbour": 1, "all cores taken": cores()}
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(args.rounds):
        for load, count in loads.items():
            for setting in args.settings:
                with neighbours(count):
                    one = speed(setting, args.seconds)
                found.setdefault((setting, load), []).append(one)
    base = statistics.median(found[args.settings[0], "idle"])
    print(f"{'steps against the first setting, idle':<40}", *loads, sep="  ")
    for setting in args.settings:
        row = [statistics.median(found[setting, load]) / base for load in loads]
        pairs = zip(row, loads, strict=True)
        texts = (f"{value:>{len(load)}.2f}" for value, load in pairs)
        print(f"{setting or 'default':<40}", *texts, sep="  ")


if __name__ == "__main__":
    main()
