"""Options of recognisers, probes and scores, checked together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.asr.tags import is_tag
from espnet2_ext.plan.environment import READERS, TRAINERS, has
from espnet2_ext.plan.experiment import Experiment, Relation
from espnet2_ext.plan.table import FIRST_STAGE, base_name
from espnet2_ext.plan.values import hertz, said, yaml_file

CONDITION = re.compile(r"\w[\w.+-]*")  # what names a condition of the probes
PROBE_RATE = 16000  # Hz, what every upstream of s3prl hears


def check_recogniser(plan: Experiment) -> Iterator[str]:
    """Look for the ESPnet recogniser that decodes enhanced audio."""
    exp, file = plan["asr_exp"], plan["asr_model_file"]
    if exp and file:
        yield (
            f"--asr_exp, --asr_model_file: found {exp} and {file}; expected one of "
            "them; leave the other out."
        )
    elif (exp or file) and plan.runs(9):
        for name in ("asr_config", "inference_asr_config"):
            for problem in yaml_file(plan[name]) if plan[name] else ():
                yield f"--{name}: {problem}"
        option = "asr_exp" if exp else "asr_model_file"
        model = Path(exp, plan["inference_asr_model"]) if exp else Path(file)
        if not model.is_file() and not (file and is_tag(model)):
            there = " ".join(sorted(path.name for path in model.parent.glob("*.pth")))
            yield (
                f"--{option}: found no {model}; expected a trained recogniser; give "
                f"another --inference_asr_model or --{option} (there are: "
                f"{there or 'none'})."
            )


def check_probes(plan: Experiment) -> Iterator[str]:
    """Check what probes need."""
    if not plan.runs(13, 14) or not plan.words("superb_tasks"):
        return
    if hertz(plan["fs"]) != PROBE_RATE:
        yield (
            f"--fs: found {plan['fs']} with --superb_tasks; expected 16k, as the "
            "probes' upstreams take nothing else; give no --superb_tasks."
        )
    for row in plan.rows:
        if row.kind != FIRST_STAGE and not CONDITION.fullmatch(row.row):
            yield (
                f"found a system named {row.row} with --superb_tasks; expected "
                "letters, digits and _ . + - in the last part of its directory; give "
                "--enh_tag, or rename it."
            )
    names = [word.partition("=")[0] for word in plan.words("superb_upstreams")]
    if not names:
        yield (
            "--superb_upstreams: found none with --superb_tasks; expected a YAML of "
            "conf/ssl or an s3prl name such as fbank; add one."
        )
    tags = [base_name(name, ".yaml") for name in names]
    for tag in sorted({tag for tag in tags if tags.count(tag) > 1}):
        yield (
            f"--superb_upstreams: found two named {tag}; expected names that differ, "
            "as they name directories; leave one out, or rename its YAML."
        )


def check_given_systems(plan: Experiment) -> Iterator[str]:
    """Look for the systems that were trained elsewhere, and the noise that is added."""
    exps = plan.words("enh_exps")
    if plan.runs(15) and not exps:
        yield (
            "--enh_exps: found none; expected at least one trained system to report "
            "on; add it, or give --stop_stage 14."
        )
    if plan.runs(2) and not plan.words("noise_corpora"):
        yield (
            "--noise_corpora: found none; expected some of: dns wham musan demand; "
            "choose what the systems were not trained on."
        )
    for exp in exps if plan.runs(7) else ():
        files = [Path(exp, name) for name in ("config.yaml", plan["inference_model"])]
        if missing := [str(file) for file in files if not file.exists()]:
            there = " ".join(sorted(path.name for path in Path(exp).glob("*.pth")))
            yield (
                f"--enh_exps: found no {' and no '.join(missing)}; expected a trained "
                "system; correct --enh_exps or --inference_model (there are: "
                f"{there or 'none'})."
            )


def check_metrics(plan: Experiment) -> Iterator[str]:
    """Compare the rate with what metrics need, and look for their packages."""
    if not plan.runs(8) or not has(READERS):
        return
    from espnet2_ext.metrics.judge import too_low
    from espnet2_ext.metrics.limits import LIMITS
    from espnet2_ext.metrics.registry import find_metric

    rate = hertz(plan["fs"]) or PROBE_RATE
    for name in plan.words("scoring_metrics"):
        if rate < LIMITS[name].lowest_rate:
            yield f"--fs, --scoring_metrics: {too_low(name, rate)}"
        if has(TRAINERS):  # else stage 0 installs them
            for problem in said(find_metric, name):
                yield f"--scoring_metrics: {problem}"


def check_recognisers(plan: Experiment) -> Iterator[str]:
    """Look for the packages of the recognisers of stage 8."""
    if not plan.runs(8) or not has(TRAINERS):
        return
    from espnet2_ext.metrics.asr import recogniser

    for name in plan.words("recognisers"):
        for problem in said(recogniser, name):
            yield f"--recognisers: {problem}"


def check_versa(plan: Experiment) -> Iterator[str]:
    """Look for VERSA's program and configuration."""
    if plan["versa_config"] and plan.runs(8) and has(TRAINERS):
        from espnet2_ext.metrics.versa import versa_settings

        yield from said(versa_settings, Path(plan["versa_config"]))


RELATIONS = (
    Relation(
        ("asr_exp", "asr_model_file", "inference_asr_model"),
        check_recogniser,
    ),
    Relation(("superb_tasks", "superb_upstreams", "fs"), check_probes),
    Relation(
        ("enh_exps", "noise_corpora", "inference_model"),
        check_given_systems,
    ),
    Relation(("scoring_metrics", "fs"), check_metrics),
    Relation(("recognisers",), check_recognisers),
    Relation(("versa_config",), check_versa),
)
