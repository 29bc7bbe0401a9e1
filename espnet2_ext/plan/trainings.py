"""The configurations of trainings, as ESPnet would take them.

ESPnet's import takes seconds, so this is done only for trainings that will run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from espnet2_ext.plan.environment import TRAINERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.parsers import (
    asr_task,
    check_training,
    deep,
    enhancement_parser,
    hubert_task,
    parse,
)
from espnet2_ext.plan.systems import has_first_stage


def check_enhancement_trainings(plan: Experiment) -> Iterator[str]:
    """Check the YAMLs of all systems with the options that all have."""
    if not plan.runs(5, 6) or not has(TRAINERS):
        return
    words = plan["enh_args"].split()
    trainings = dict.fromkeys(
        (row.config, _found(row.start)) for row in plan.rows if row.config
    )
    if not plan.rows:  # their options are wrong
        names = [*plan.words("enh_config"), *plan.words("init_config")]
        trainings = dict.fromkeys((config, "") for config in names)
    problems = list(deep(plan, "enh_args", _parse, words)) if words else []
    words = [] if problems else words
    for config, start in trainings:
        option = "init_config" if config == plan["init_config"] else "enh_config"
        problems += deep(plan, option, _train, config, words, start)
    if not problems and has_first_stage(plan.options):
        first = plan["init_config"]
        for config in {config for config, _ in trainings} - {first}:
            problems += deep(plan, "init_config", _continue, first, config, words)
    yield from problems


def _parse(words: Sequence[str]) -> None:
    parse(enhancement_parser(), words)


def _found(start: str) -> str:
    """Give a model to start from that is there already."""
    return start if Path(start.partition(":")[0]).is_file() else ""


def _train(config: str, words: Sequence[str], start: str) -> None:
    from espnet2_ext.tasks.config import check_config

    if Path(config).is_file():  # else it is refused by itself
        check_config(config, [*words, *(["--init_param", start] if start else [])])


def _continue(first: str, config: str, words: Sequence[str]) -> None:
    """Check that a network takes the weights of the first stage's.

    Raises:
        UserError: if some have another name or shape.
    """
    from espnet2_ext.enh.config import build_network
    from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
    from espnet2_ext.train.init_param import check_fit

    args = _arguments(config, words)
    if not args.ignore_init_mismatch:
        task = SSLEnhancementTask
        weights = build_network(_arguments(first, words), task).state_dict()
        what = f"{first}, to go on with {config}"
        check_fit(weights, build_network(args, task), what)


def _arguments(config: str, words: Sequence[str]) -> argparse.Namespace:
    from espnet2_ext.fileio.yaml import read_yaml

    parser = enhancement_parser()
    parser.set_defaults(**read_yaml(config))
    return parse(parser, words)


def check_recogniser_training(plan: Experiment) -> Iterator[str]:
    """Check the YAML of a recogniser, and its further options."""
    if plan.runs(10, 11) and has(TRAINERS):
        cleaner = ["--cleaner", plan["cleaner"]]
        yield from deep(plan, "cleaner", _recogniser, "", cleaner)
        yield from deep(plan, "asr_args", _recogniser, "", plan["asr_args"].split())
        yield from deep(plan, "asr_config", _recogniser, plan["asr_config"], [])


def _recogniser(config: str, words: Sequence[str]) -> None:
    _check(asr_task(), config, words)


def check_pretraining(plan: Experiment) -> Iterator[str]:
    """Check the YAMLs of HuBERT, and the further options that all have."""
    if plan.runs(7) and has(TRAINERS):
        words = plan["hubert_args"].split()
        yield from deep(plan, "hubert_args", _pretraining, "", words)
        for config in dict.fromkeys(plan.words("train_configs")):
            yield from deep(plan, "train_configs", _pretraining, config, [])


def _pretraining(config: str, words: Sequence[str]) -> None:
    _check(hubert_task(), config, words)


def _check(task: Any, config: str, words: Sequence[str]) -> None:
    if words:
        parse(task.get_parser(), words)
    if config:
        check_training(task, config)


RELATIONS = (
    Relation(("enh_args",), check_enhancement_trainings),
    Relation(("asr_config", "asr_args", "cleaner"), check_recogniser_training),
    Relation(("train_configs", "hubert_args"), check_pretraining),
)
