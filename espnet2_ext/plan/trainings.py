"""The configurations of trainings, as ESPnet would take them.

ESPnet's import takes seconds, so this is done only for trainings that will run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet2_ext.plan.environment import TRAINERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.parsers import (
    asr_parser,
    check_training,
    deep,
    enhancement_parser,
    hubert_parser,
    parse,
)


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
    yield from problems
    words = [] if problems else words
    for config, start in trainings:
        option = "init_config" if config == plan["init_config"] else "enh_config"
        yield from deep(plan, option, _train, config, words, start)


def _parse(words: Sequence[str]) -> None:
    parse(enhancement_parser(), words)


def _found(start: str) -> str:
    """Give a model to start from that is there already."""
    return start if Path(start.partition(":")[0]).is_file() else ""


def _train(config: str, words: Sequence[str], start: str) -> None:
    from espnet2_ext.enh.config import check_config

    if Path(config).is_file():  # else it is refused by itself
        check_config(config, [*words, *(["--init_param", start] if start else [])])


def check_recogniser_training(plan: Experiment) -> Iterator[str]:
    """Check the YAML of a recogniser with its further options."""
    if not has(TRAINERS) or not plan.runs(10, 11):
        return
    words = [*plan["asr_args"].split(), "--cleaner", plan["cleaner"]]
    option = "asr_config, --asr_args, --cleaner"
    yield from deep(plan, option, _recogniser, plan["asr_config"], words)


def _recogniser(config: str, words: Sequence[str]) -> None:
    check_training(asr_parser(), config, words)


def check_pretraining(plan: Experiment) -> Iterator[str]:
    """Check the YAMLs of HuBERT with the options that all have."""
    if not has(TRAINERS) or not plan.runs(7):
        return
    words = plan["hubert_args"].split()
    for config in dict.fromkeys(plan.words("train_configs")):
        yield from deep(
            plan, "train_configs, --hubert_args", _pretraining, config, words
        )


def _pretraining(config: str, words: Sequence[str]) -> None:
    check_training(hubert_parser(), config, words)


RELATIONS = (
    Relation(("enh_args",), check_enhancement_trainings),
    Relation(("asr_config", "asr_args", "cleaner"), check_recogniser_training),
    Relation(("train_configs", "hubert_args"), check_pretraining),
)
