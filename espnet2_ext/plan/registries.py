"""Checks of names against the registries that define them.

A registry needs packages. Where these are not installed yet, the check is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from espnet2_ext.errors import unknown_name
from espnet2_ext.plan.environment import READERS, has
from espnet2_ext.plan.values import Check, wrong, yaml_file


def _metrics() -> Iterable[str]:
    from espnet2_ext.metrics.registry import METRICS

    return METRICS


def _recognisers() -> Iterable[str]:
    from espnet2_ext.metrics.asr import RECOGNISERS

    return RECOGNISERS


def _denoisers() -> Iterable[str]:
    from espnet2_ext.denoisers.registry import DENOISERS

    return DENOISERS


def _tasks() -> Iterable[str]:
    from espnet2_ext.superb.tasks import TASKS

    return TASKS


def _noise_corpora() -> Iterable[str]:
    from espnet2_ext.corpora.noise import NOISE_CORPORA

    return NOISE_CORPORA


def registered(kind: str, names: Callable[[], Iterable[str]]) -> Check:
    """Make the check of one name.

    Args:
        kind: of the name, for messages.
        names: reads the registry.
    """

    def run(value: str) -> Iterator[str]:
        if has(READERS) and value not in (known := list(names())):
            yield str(unknown_name(kind, value, known))

    return run


metric = registered("metric", _metrics)
recogniser = registered("recogniser", _recognisers)
denoiser = registered("denoiser", _denoisers)
task = registered("task", _tasks)
noise_corpus = registered("noise corpus", _noise_corpora)


def upstream(value: str) -> Iterator[str]:
    """Check ``NAME`` or ``NAME=TASK,TASK``, where NAME may be a YAML.

    Names of s3prl are compared with s3prl's own list later, as that takes seconds.
    """
    name, given, tasks = value.partition("=")
    if not name or (given and not all(tasks.split(","))):
        yield wrong(value, "NAME or NAME=TASK,TASK")
        return
    for word in filter(None, tasks.split(",")):
        yield from task(word)
    if name.endswith((".yaml", ".yml")):
        yield from yaml_file(name)
