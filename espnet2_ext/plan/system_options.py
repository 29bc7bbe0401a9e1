"""Options that describe systems, checked together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from espnet2_ext.errors import shorten
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.stages import JUDGING
from espnet2_ext.plan.systems import Options, weights, words
from espnet2_ext.plan.table import FIRST_STAGE, SYSTEM, SystemRow, base_name
from espnet2_ext.plan.values import wrong

TAKEN = ("clean", "noisy")  # rows that every table has


def check_counts(options: Options) -> Iterator[str]:
    """Compare the numbers of labels, tags and directories with that of the systems."""
    configs, exps = words(options, "enh_config"), words(options, "enh_exp")
    count = len(configs) or len(exps) or 1
    each = "YAML of --enh_config" if configs else "directory of --enh_exp"
    if "enh_exps" in options:
        count, each = len(words(options, "enh_exps")), "directory of --enh_exps"
        yield from _check_given(words(options, "enh_exps"))
    for name in ("enh_exp", "enh_tag", "enh_label"):
        found = words(options, name)
        if found and len(found) != count:
            yield (
                f"--{name}: found {len(found)} ({shorten(found, ' ')}) for {count} "
                f"systems; expected one for each {each}, or none; correct one of them."
            )


def _check_given(exps: Sequence[str]) -> Iterator[str]:
    names = [base_name(exp) for exp in exps]
    for name in sorted({name for name in names if names.count(name) > 1}):
        found = [exp for exp in exps if base_name(exp) == name]
        yield (
            f"--enh_exps: found two systems named {name} ({shorten(found, ' ')}); "
            "expected directories whose last parts differ, as these name the rows; "
            "rename one, or link to it under another name."
        )


def check_rows(rows: Sequence[SystemRow]) -> Iterator[str]:
    """Find rows that would share a directory or a name, or separate seeds."""
    seen: dict[str, str] = {}
    for row in rows:
        if row.row not in seen:
            seen[row.row] = row.exp
        elif seen[row.row] == row.exp:
            yield (
                f"found the same system twice, both in {row.exp}; expected a directory "
                "for each; leave one out, or give each its own --enh_tag."
            )
        else:
            yield (
                f"found two systems named {row.row}: {seen[row.row]} and {row.exp}; "
                "expected directories whose last parts differ, as these name the rows; "
                "rename one, or link to it under another name."
            )
    for name in TAKEN:
        if name in seen:
            yield (
                f"found a system named {name}; expected another name, as every table "
                "has a row of this one; rename its directory."
            )
    yield from _check_labels(rows)


def _check_labels(rows: Sequence[SystemRow]) -> Iterator[str]:
    shown = [(row.label, row.kind) for row in rows if row.kind != FIRST_STAGE]
    groups = itertools.groupby(shown)
    labels = [label for (label, _), _ in groups]
    for label in sorted(set(labels)):
        if label in TAKEN or labels.count(label) > 1:
            yield (
                f"--enh_label: found {label}, which is taken; expected a name of its "
                f"own for each system, and not {' or '.join(TAKEN)} (neighbours with "
                "one name are seeds of one system); choose another."
            )


def check_observations(plan: Experiment) -> Iterator[str]:
    """Check what observation adding needs."""
    if not weights(plan.options):
        return
    if plan["ref_num"] not in ("", "1"):
        yield (
            f"--observation_adding: found --ref_num {plan['ref_num']}; expected 1, as "
            "the noisy speech holds every speaker; give no --observation_adding."
        )
    if re.search(r"normalize_output_wav\s+[Tt]rue", plan["inference_args"]):
        yield (
            "--observation_adding: found '--normalize_output_wav true' in "
            "--inference_args; expected false, as the enhanced speech needs its own "
            "level; correct it."
        )


def check_first_stage(plan: Experiment) -> Iterator[str]:
    """Refuse a first stage of training that is a system, too."""
    config = plan["init_config"]
    if config and config in plan.words("enh_config"):
        yield (
            f"--init_config: found {config}, which is in --enh_config, too; expected a "
            "first stage for other systems; leave it out of one of them."
        )


def check_starts(plan: Experiment) -> Iterator[str]:
    """Look for the models that trainings start from."""
    if not plan.runs(6):
        return
    starts = dict.fromkeys(row.start for row in plan.rows if row.kind == SYSTEM)
    for start in filter(None, starts):
        file = start.partition(":")[0]
        if not plan.makes(file) and not Path(file).is_file():
            yield (
                f"--init_param: found no {file}; expected the model that the training "
                "starts from; train it first, or name another."
            )


def check_speakers(plan: Experiment) -> Iterator[str]:
    """Refuse to begin with judging several speakers."""
    if plan["ref_num"] != "1" and int(plan["stage"]) in JUDGING:
        yield (
            f"--ref_num, --stage: found {plan['ref_num']} and {plan['stage']}; "
            "expected 1, as this stage judges one speaker; stop after stage 7."
        )


def check_upload(plan: Experiment) -> Iterator[str]:
    """Check that there is one system to upload, and a name for it."""
    if not plan.runs(12):
        return
    if not plan["hf_repo"]:
        yield "--hf_repo: " + wrong("", "USER/NAME for stage 12", "add it")
    systems = [row.row for row in plan.rows if row.kind == SYSTEM]
    if len(systems) > 1:
        yield (
            f"--hf_repo: found {len(systems)} systems; expected one for stage 12; name "
            "one YAML in --enh_config, and one of the --seeds."
        )


RELATIONS = (
    Relation(("observation_adding", "inference_args"), check_observations),
    Relation(("enh_config", "init_config"), check_first_stage),
    Relation(("init_param",), check_starts),
    Relation(("ref_num", "stage"), check_speakers),
    Relation(("hf_repo", "skip_upload_hf"), check_upload),
)
