"""What the SSL loss costs, against one forward pass of the same upstream.

A WavLM of Base size with random weights (the time does not depend on them), batch
4 x 4 s. Everything is timed in one run, in turn, and the medians are compared:

  A  one forward pass without gradient
  B  the SSL loss, forward and backward to the waveform; for several layer choices
  C  the code people write first: s3prl's S3PRLUpstream on both signals, with
     trainable parameters
  D  two SSL losses on one upstream, which share their forward passes, or do not

    python -m tests.benchmarks.bench_ssl_loss [--rounds 5] [--threads 2] [--only A D]

Peak memory is the growth of the process's resident set, each in a child of its own.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path

import torch

LEAN = "B all, checkpointing"
TWO = ("D shared", "D apart")
LAYERS = {"B all": "all", LEAN: "all", "B 0-9": "0-9", "B 0-6": "0-6", "B 0-3": "0-3"}
BASE = {
    "encoder_layers": 12,
    "encoder_embed_dim": 768,
    "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12,
    "conv_feature_layers": "[(512,10,5)] + [(512,3,2)] * 4 + [(512,2,2)] * 2",
    "conv_pos": 128,
    "conv_pos_groups": 16,
    "num_buckets": 320,
    "max_distance": 800,
}


def write_checkpoint(path: Path) -> None:
    """Write a random WavLM of Base size in s3prl's format."""
    from tests.tiny_checkpoints import wavlm

    torch.manual_seed(0)
    wavlm(path, **BASE)


def signals() -> tuple[torch.Tensor, torch.Tensor]:
    """Clean and enhanced speech, (4, 64000) each."""
    generator = torch.Generator().manual_seed(0)
    clean = 0.1 * torch.randn(4, 64000, generator=generator)
    return clean, clean + 0.01 * torch.randn(4, 64000, generator=generator)


def make_loss(checkpoint: str, name: str) -> Callable[[], None]:
    """B: our loss, forward and backward."""
    from espnet2_ext.enh.loss.ssl_distance import SSLDistance
    from espnet2_ext.ssl.spec import UpstreamSpec

    loss = SSLDistance(
        UpstreamSpec("wavlm_local", checkpoint),
        layers=LAYERS[name],
        activation_checkpointing=name == LEAN,
    )
    loss.upstream.load()
    clean, enhanced = signals()

    def step() -> None:
        estimate = enhanced.clone().requires_grad_()
        loss(estimate, clean).mean().backward()

    return step


def make_forward(checkpoint: str) -> Callable[[], None]:
    """A: one forward pass without gradient."""
    from espnet2_ext.ssl.spec import UpstreamSpec
    from espnet2_ext.ssl.upstream import FrozenUpstream

    upstream = FrozenUpstream(UpstreamSpec("wavlm_local", checkpoint)).load()
    clean, _ = signals()

    def step() -> None:
        with torch.no_grad():
            upstream(clean)

    return step


def make_naive(checkpoint: str) -> Callable[[], None]:
    """C: S3PRLUpstream as its documentation shows it, twice."""
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("wavlm_local", checkpoint).eval()
    upstream.upstream.model.feature_grad_mult = 1.0  # else there is no gradient at all
    clean, enhanced = signals()
    lengths = torch.full((4,), 64000)

    def step() -> None:
        estimate = enhanced.clone().requires_grad_()
        upstream.zero_grad()
        reference, _ = upstream(clean, lengths)
        features, _ = upstream(estimate, lengths)
        pairs = zip(features, reference, strict=True)
        sum((a - b).square().mean() for a, b in pairs).backward()

    return step


def make_two(checkpoint: str, shared: bool) -> Callable[[], None]:
    """D: two losses that look at the same signals."""
    from contextlib import nullcontext

    from espnet2_ext.enh.loss.ssl_distance import SSLDistance
    from espnet2_ext.ssl.memo import shared_forwards
    from espnet2_ext.ssl.spec import UpstreamSpec

    spec = UpstreamSpec("wavlm_local", checkpoint)
    losses = [SSLDistance(spec, layers=layers).load() for layers in ("all", "last")]
    clean, enhanced = signals()

    def step() -> None:
        estimate = enhanced.clone().requires_grad_()
        with shared_forwards() if shared else nullcontext():
            values = [loss(estimate, clean).mean() for loss in losses]
        sum(values).backward()

    return step


def make(name: str, checkpoint: str) -> Callable[[], None]:
    """Build the step called ``name``."""
    if name == "A":
        return make_forward(checkpoint)
    if name in TWO:
        return make_two(checkpoint, shared=name == "D shared")
    return make_naive(checkpoint) if name == "C" else make_loss(checkpoint, name)


def resident_mb(field: str) -> float:
    """Read VmRSS (now) or VmHWM (peak since the last reset) of this process, MB."""
    status = Path("/proc/self/status").read_text()
    return float(status.split(f"{field}:")[1].split()[0]) / 1024


def child(name: str, checkpoint: str, threads: int) -> None:
    """Print by how many MB a step raises the resident set at its peak."""
    torch.set_num_threads(threads)
    step = make(name, checkpoint)
    gc.collect()
    before = resident_mb("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # Linux: resets VmHWM
    step()
    print(resident_mb("VmHWM") - before)


def peak_memory(name: str, checkpoint: str, threads: int) -> float:
    """Measure one step's memory in a process of its own, MB."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_ssl_loss"]
    command += ["--child", name, checkpoint, "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def measure(checkpoint: str, rounds: int, threads: int, only: Collection[str]) -> None:
    """Time the steps in turn and print the table."""
    names = [name for name in ("A", *LAYERS, "C", *TWO) if name[0] in only]
    steps = {name: make(name, checkpoint) for name in names}
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):  # the first one warms up
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    ratios = {
        name: [t / a for t, a in zip(seconds[name], seconds["A"], strict=True)]
        for name in names
    }
    print(f"torch {torch.__version__}, {threads} threads, {rounds} rounds, medians\n")
    print("| step | time, s | time / A | peak memory, MB |")
    print("|---|---|---|---|")
    for name in names:
        memory = peak_memory(name, checkpoint, threads)
        print(
            f"| {name} | {statistics.median(seconds[name]):.2f} "
            f"| {statistics.median(ratios[name]):.2f} | {memory:.0f} |"
        )
    for a, b in (("C", "B all"), reversed(TWO)):
        if {a, b} <= seconds.keys():
            pairs = zip(seconds[a], seconds[b], strict=True)
            print(f"\n{a} / {b}: {statistics.median(x / y for x, y in pairs):.2f}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices="ABCD", default="ABCD")
    parser.add_argument("--child", nargs=2, metavar=("NAME", "CHECKPOINT"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.child:
        child(*args.child, args.threads)
        return
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = Path(directory) / "wavlm_base_random.pt"
        write_checkpoint(checkpoint)
        measure(str(checkpoint), args.rounds, args.threads, {"A", *args.only})


if __name__ == "__main__":
    main()
