"""All checks of a recipe's options, and one message with everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from espnet2_ext.errors import UserError, brief
from espnet2_ext.plan import (
    data_options,
    downstream_options,
    system_options,
    trainings,
    use,
    yamls,
)
from espnet2_ext.plan.denoisers import find_denoisers
from espnet2_ext.plan.experiment import Experiment
from espnet2_ext.plan.options import check_of
from espnet2_ext.plan.stages import STAGES, check_stages, has_numbers, running
from espnet2_ext.plan.systems import Options, list_rows, words
from espnet2_ext.plan.table import SystemRow

RELATIONS = (
    *data_options.RELATIONS,
    *system_options.RELATIONS,
    *downstream_options.RELATIONS,
    *yamls.RELATIONS,
    *trainings.RELATIONS,
    *use.RELATIONS,
)
# what the table of systems is made of
OF_ROWS = (
    *("enh_config", "enh_exp", "enh_exps", "enh_tag", "enh_label", "enh_args"),
    *("expdir", "seeds", "init_config", "init_param", "inference_tag"),
    *("speed_perturb_factors", "observation_adding", "denoisers"),
)


def plan_experiment(
    template: str, options: Options, dry_run: bool, known: Iterable[str] = ()
) -> tuple[list[SystemRow], list[str]]:
    """Check all options, and list the systems that they describe.

    Args:
        template: whose options.
        options: name -> value, of all options of the template.
        dry_run: whether nothing will be run.
        known: problems that have been found before.

    Returns:
        The rows of the table, and notes for the user.

    Raises:
        UserError: with all problems.
    """
    problems, wrong = list(known), set()
    for name, value in options.items():
        if found := list(check_value(template, name, value)):
            wrong.add(name)
            problems += found
    stages = frozenset(STAGES[template].numbers)
    if {"stage", "stop_stage"} <= options.keys() - wrong and has_numbers(options):
        problems += check_stages(template, options)
        stages = frozenset(running(template, options))
    plan = Experiment(template, options, stages)
    notes: list[str] = []
    if wrong.isdisjoint(OF_ROWS):
        labels, notes = find_denoisers(words(options, "denoisers"), dry_run)
        found = list(check_systems(options, labels))
        problems += found
        if not found:
            plan = replace(plan, rows=tuple(list_rows(options, labels)))
    for relation in RELATIONS:
        if set(relation.options) <= options.keys() - wrong:
            problems += relation.check(plan)
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))
    return list(plan.rows), notes


def check_value(template: str, name: str, value: str) -> Iterator[str]:
    """Check one option by itself."""
    if not value.isprintable():
        yield (
            f"--{name}: found {brief(value)}; expected one line of printable signs, "
            "with plain spaces between words; correct it."
        )
        return
    check = check_of(template, name)
    for problem in check(value) if check else ():
        yield f"--{name}: {problem}"


def check_systems(options: Options, labels: dict[str, str]) -> Iterator[str]:
    """Check what the options of systems describe together."""
    if not {"enh_config", "enh_exps"} & options.keys():
        return
    counts = list(system_options.check_counts(options))
    yield from counts
    if not counts:
        yield from system_options.check_rows(list_rows(options, labels))
