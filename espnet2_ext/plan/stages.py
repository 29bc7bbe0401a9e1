"""Which stages a run has: those of the template, without those that are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from espnet2_ext.plan.values import whole_number, wrong

Options = Mapping[str, str]


@dataclass(frozen=True)
class Stages:
    """The stages of a template.

    Attributes:
        numbers: those there are.
        skips: option -> the stages that it leaves out.
    """

    numbers: tuple[int, ...]
    skips: Mapping[str, tuple[int, ...]]


JUDGING = (8, 9, 10, 13, 14, 15)  # stages of enh_ssl.sh that take one speaker alone

STAGES: Mapping[str, Stages] = {
    "enh_ssl": Stages(
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
        {
            "skip_data_prep": (1, 2, 3, 4),
            "skip_train": (5, 6),
            "skip_eval": (7, 8, 15),
            "skip_downstream": (9, 10, 13, 14),
            "skip_packing": (11,),
            "skip_upload_hf": (12,),
        },
    ),
    "asr": Stages(
        (0, 1, 3, 4, 5, 10, 11, 12, 13, 14),
        {
            "skip_data_prep": (1, 3, 4, 5),
            "skip_train": (10, 11),
            "skip_eval": (12, 13),
            "skip_packing": (14,),
        },
    ),
    "hubert": Stages(
        (0, 1, 3, 4, 5, 7, 8),
        {
            "skip_data_prep": (1, 3, 4),
            "skip_train": (5, 7),
            "skip_packing": (8,),
        },
    ),
    "superb": Stages(
        (0, 1, 2, 3, 7, 8, 13, 14, 15),
        {
            "skip_data_prep": (1, 2, 3),
            "skip_eval": (7, 8, 15),
            "skip_downstream": (13, 14),
        },
    ),
}


def skipped_by(template: str, options: Options) -> dict[int, str]:
    """Give the stages that are left out, with the option that says so."""
    return {
        number: option
        for option, numbers in STAGES[template].skips.items()
        for number in numbers
        if options.get(option) == "true"
    }


def left_out(template: str, options: Options) -> dict[int, str]:
    """Give the stages that are left out, with the reason for the user."""
    reasons = {n: f"--{x} true" for n, x in skipped_by(template, options).items()}
    if options.get("ref_num", "1") == "1" or template != "enh_ssl":
        return reasons
    reason = f"--ref_num {options['ref_num']}, and one speaker is judged"
    return {**dict.fromkeys(JUDGING, reason), **reasons}


def list_asked(template: str, options: Options) -> list[int]:
    """List the stages from ``stage`` to ``stop_stage``, with those left out."""
    first, last = int(options["stage"]), int(options["stop_stage"])
    return [n for n in STAGES[template].numbers if first <= n <= last]


def running(template: str, options: Options) -> set[int]:
    """Give the stages that run.

    Args:
        template: whose stages.
        options: with ``stage`` and ``stop_stage``, whole numbers.
    """
    asked = list_asked(template, options)
    return set(asked) - left_out(template, options).keys()


def has_numbers(options: Options) -> bool:
    """Tell whether ``stage`` and ``stop_stage`` are whole numbers."""
    return not any(
        problem
        for name in ("stage", "stop_stage")
        for problem in whole_number(0)(options.get(name, "0"))
    )


def check_stages(template: str, options: Options) -> Iterator[str]:
    """Check that the stages exist, are in order, and that the first one runs.

    Leaving out data preparation from its first stage on is usual in ESPnet.
    """
    first, last = int(options["stage"]), int(options["stop_stage"])
    numbers, skipped = STAGES[template].numbers, skipped_by(template, options)
    listed = " ".join(map(str, numbers))
    if first > last:
        yield (
            f"--stage, --stop_stage: found {first} and {last}; expected the first "
            "stage not after the last; exchange them."
        )
    elif first not in numbers:
        yield "--stage: " + wrong(options["stage"], f"one of {listed}")
    elif not running(template, options) or (
        first in skipped and skipped[first] != "skip_data_prep"
    ):
        option = skipped.get(first, "")
        yield (
            f"--stage: found {first}, which --{option} true leaves out; expected a "
            f"stage that runs; start at another, or give --{option} false."
        )
