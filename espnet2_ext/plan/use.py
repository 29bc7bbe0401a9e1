"""Options of inference, distances and probes, as ESPnet and s3prl would take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.errors import unknown_name
from espnet2_ext.plan.environment import TRAINERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.parsers import deep, enhancement_parser, parse

KNOWN = ["--normalize_output_wav", "false", "--output_format", "wav"]  # the default


def check_inference(plan: Experiment) -> Iterator[str]:
    """Check the options of enhancement and of decoding."""
    if not has(TRAINERS):
        return
    if plan.template in ("enh_ssl", "superb") and plan.runs(7):
        words = plan["inference_args"].split()
        if words not in ([], KNOWN):
            yield from deep(plan, "inference_args", _enhance, words)
        if config := plan["inference_enh_config"]:
            yield from deep(plan, "inference_enh_config", _change, config)
    names = ("inference_asr_args", "inference_asr_config")
    decodes = plan.runs(9) and bool(plan["asr_exp"] or plan["asr_model_file"])
    if plan.template == "asr":
        names, decodes = ("inference_args", "inference_config"), plan.runs(12)
    for name in names if decodes else ():
        if plan[name]:
            yield from deep(plan, name, _decode, plan[name], name.endswith("_config"))


def _enhance(words: Sequence[str]) -> None:
    from espnet2.bin.enh_inference import get_parser

    parse(get_parser(), words)


def _decode(value: str, is_yaml: bool) -> None:
    from espnet2.bin.asr_inference import get_parser

    from espnet2_ext.asr.resolve import check_decoding

    if not is_yaml:
        parse(get_parser(), value.split())
    elif Path(value).is_file():  # else it is refused by itself
        check_decoding(Path(value))


def _change(config: str) -> None:
    from espnet2_ext.fileio.yaml import named, read_yaml
    from espnet2_ext.tasks.inference import KEYS
    from espnet2_ext.train.options import check_options

    with named(config):
        changes = read_yaml(config)
        for key in changes:
            if key not in KEYS:
                raise unknown_name("key", key, KEYS)
        check_options(changes, enhancement_parser())


def check_distances(plan: Experiment) -> Iterator[str]:
    """Build the distances that are scored; no weights are loaded."""
    if not plan.runs(8) or not has(TRAINERS):
        return
    for path in plan.words("ssl_conf"):
        yield from deep(plan, "ssl_conf", _distance, path)


def _distance(path: str) -> None:
    from espnet2_ext.enh.fragment import read_fragment
    from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
    from espnet2_ext.fileio.yaml import named
    from espnet2_ext.train.arguments import blame

    conf = read_fragment(path).conf
    with named(path), blame("conf"):
        SSLLoss(**conf)


def check_judges(plan: Experiment) -> Iterator[str]:
    """Check the upstreams of probes, and the settings of their heads."""
    tasks = plan.words("superb_tasks")
    if not plan.runs(13, 14) or not tasks or not has((*TRAINERS, "s3prl")):
        return
    for word in plan.words("superb_upstreams"):
        name = word.partition("=")[0]
        yield from deep(plan, "superb_upstreams", _upstream, name)
    folder = Path(plan["superb_conf"] or "conf/superb")
    if not folder.is_dir():
        yield (
            f"--superb_conf: found no directory {folder}; expected one with a YAML for "
            "each task, such as conf/superb; correct it."
        )
        return
    for task in dict.fromkeys([*tasks, *_tasks_of_upstreams(plan)]):
        yield from deep(plan, "superb_conf", _head, folder, task)


def _tasks_of_upstreams(plan: Experiment) -> Iterator[str]:
    for word in plan.words("superb_upstreams"):
        yield from filter(None, word.partition("=")[2].split(","))


def _upstream(name: str) -> None:
    from espnet2_ext.enh.fragment import read_upstream
    from espnet2_ext.ssl.loading import check_upstream

    check_upstream(read_upstream(name), differentiable=False)


def _head(folder: Path, task: str) -> None:
    from espnet2_ext.superb.config import merge, read_fragment
    from espnet2_ext.superb.problems import problem_of
    from espnet2_ext.superb.tasks import task_of

    found = task_of(task)
    problem: Any = problem_of(found)()
    merge(problem.default_config(), read_fragment(folder, found), found)


RELATIONS = (
    Relation((), check_inference),
    Relation(("ssl_conf",), check_distances),
    Relation(("superb_tasks", "superb_upstreams", "superb_conf"), check_judges),
)
