"""Options of data and of templates without systems, checked together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from espnet2_ext.errors import unknown_name
from espnet2_ext.plan.experiment import Experiment, Relation

ONE_NODE = ("run.pl", "stdout.pl")  # wrappers that start jobs on this machine
SPECIAL_PIECES = 3  # sentencepiece's own
SCRIPTS = {
    "local_data_opts": "local/data.sh",
    "local_superb_opts": "local/superb_data.sh",
}


def check_sets(plan: Experiment) -> Iterator[str]:
    """Refuse a training set that is judged, too."""
    train, valid = plan["train_set"], plan["valid_set"]
    if train == valid:
        yield (
            f"--train_set, --valid_set: found {train} for both; expected two sets; "
            "validation on training data chooses no model."
        )
    if train in plan.words("test_sets"):
        yield (
            f"--test_sets: found {train}, which is --train_set; expected sets that are "
            "not trained on; leave it out."
        )


def check_durations(plan: Experiment) -> Iterator[str]:
    """Check the order of the shortest and the longest utterance."""
    low, high = plan["min_wav_duration"], plan["max_wav_duration"]
    if float(low) >= float(high):
        yield (
            f"--min_wav_duration, --max_wav_duration: found {low} and {high}; expected "
            "the first below the second; exchange them."
        )


def check_nodes(plan: Experiment) -> Iterator[str]:
    """Refuse several nodes where jobs run on this machine."""
    wrapper = Path(plan["cuda_cmd"].split()[0]).name
    if int(plan["num_nodes"]) > 1 and wrapper in ONE_NODE:
        yield (
            f"--num_nodes: found {plan['num_nodes']} with {wrapper}; expected 1: this "
            "machine is one node; give 1, or choose a cluster in cmd.sh."
        )


def check_pieces(plan: Experiment) -> Iterator[str]:
    """Check the number of sentencepiece's pieces."""
    if plan["token_type"] == "bpe" and int(plan["nbpe"]) <= SPECIAL_PIECES:
        yield (
            f"--nbpe: found {plan['nbpe']}; expected more than {SPECIAL_PIECES}, as so "
            "many are sentencepiece's own; give a larger one."
        )


def check_iterations(plan: Experiment) -> Iterator[str]:
    """Check that every iteration has its values, and units to start from."""
    first, last = (plan[f"train_{end}_iter"] for end in ("start", "stop"))
    if int(first) > int(last):
        yield (
            f"--train_start_iter, --train_stop_iter: found {first} and {last}; "
            "expected the first not after the last; exchange them."
        )
        return
    for name in ("train_configs", "n_clusters", "features_km", "layers_km"):
        if len(found := plan.words(name)) <= int(last):
            yield (
                f"--{name}: found {len(found)} values; expected one for each iteration "
                f"up to {last}, so {int(last) + 1}; add some, or lower "
                "--train_stop_iter."
            )
    pairs = zip(plan.words("features_km"), plan.words("layers_km"), strict=False)
    for number, (feature, layer) in enumerate(pairs):
        if feature == "hubert" and number == 0:
            yield (
                "--features_km: found hubert for iteration 0; expected mfcc, as there "
                "is no iteration before; correct it."
            )
        if feature == "hubert" and int(layer) < 1:
            yield (
                f"--layers_km: found {layer} for iteration {number}, which clusters "
                "hubert; expected the number of a block, from 1; correct it."
            )


def check_script_options(plan: Experiment) -> Iterator[str]:
    """Compare the options of a recipe's script with those that it declares."""
    for option, script in SCRIPTS.items():
        path = Path(script)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        if "parse_options.sh" not in text:
            continue
        known = re.findall(r"^(?!help_message)([a-z]\w*)=", text, re.MULTILINE)
        for word in plan.words(option):
            name = word.removeprefix("--").replace("-", "_")
            if word.startswith("--") and name not in (*known, "help", "config"):
                yield f"--{option}: {unknown_name(f'option of {script}', name, known)}"


RELATIONS = (
    Relation(("train_set", "valid_set"), check_sets),
    Relation(("min_wav_duration", "max_wav_duration"), check_durations),
    Relation(("num_nodes", "cuda_cmd"), check_nodes),
    Relation(("token_type", "nbpe"), check_pieces),
    Relation(
        (
            *("train_start_iter", "train_stop_iter", "n_clusters"),
            *("features_km", "layers_km"),
        ),
        check_iterations,
    ),
    Relation((), check_script_options),
)
