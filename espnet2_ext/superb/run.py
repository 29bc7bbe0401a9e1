"""The steps of probing after the check of the manifests: train, evaluate."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from espnet2_ext.enh.fragment import read_upstream
from espnet2_ext.errors import UserError
from espnet2_ext.superb.check import refuse
from espnet2_ext.superb.evaluation import evaluate
from espnet2_ext.superb.features import StoredUpstream
from espnet2_ext.superb.probe import Probe
from espnet2_ext.superb.tasks import Task
from espnet2_ext.superb.training import train
from espnet2_ext.superb.views import ViewBuilder

NAME = re.compile(r"^\w[\w.+-]*$")


def say(line: str) -> None:
    """Print a progress line at once, also into a log file."""
    print(line, flush=True)


def make_probes(
    tasks: Sequence[Task],
    *,
    superb_dir: Path,
    upstream: str,
    conf_dir: Path,
    exp_dir: Path,
    num_threads: int = 0,
    device: str = "auto",
    max_store_gb: float = 50,
) -> list[Probe]:
    """Load what all tasks share once; check every task's settings.

    The arguments are the options of `espnet2_ext.bin.superb`.
    """
    if num_threads:
        torch.set_num_threads(num_threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    spec = read_upstream(upstream)
    if not NAME.match(spec.tag):
        raise UserError(f"'{spec.tag}' cannot name a directory; give a plain name.")
    folder = exp_dir / spec.tag
    store = StoredUpstream(spec, folder / "features", int(max_store_gb * 1e9))
    probes = [
        Probe(task, superb_dir, conf_dir, folder / task.name, store, device)
        for task in tasks
    ]
    for probe in probes:
        probe.config  # noqa: B018 (read now: a wrong key must not cost a training)
    return probes


def train_all(probes: Sequence[Probe]) -> None:
    """Train the heads that are not trained."""
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


def read_conditions(arguments: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=SCP`` arguments.

    Raises:
        UserError: for anything else, or a name twice.
    """
    conditions: dict[str, str] = {}
    for argument in arguments:
        name, _, scp = argument.partition("=")
        if not NAME.match(name) or not scp or name in conditions:
            raise UserError(
                f"found --condition '{argument}'; expected NAME=SCP, each name once."
            )
        conditions[name] = scp
    return conditions


def build_views(
    probes: Sequence[Probe], clean_scp: str, conditions: Mapping[str, str]
) -> None:
    """Write the view of every task and condition.

    Args:
        probes: of the tasks.
        clean_scp: the ids of the test audio in the manifests.
        conditions: name -> audio with the same ids.

    Raises:
        UserError: with all problems of all of them.
    """
    problems = []
    for name, scp in conditions.items():
        builder = ViewBuilder(clean_scp, scp)
        for probe in probes:
            problems += builder.build(probe.task, probe.superb_dir, probe.view(name))
    refuse(problems, "the conditions")


def evaluate_all(
    probes: Sequence[Probe], clean_scp: str, conditions: Mapping[str, str]
) -> None:
    """Evaluate every probe in every condition; arguments as for `build_views`."""
    build_views(probes, clean_scp, conditions)
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
