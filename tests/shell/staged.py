"""The staged template in a recipe made for it, with an interpreter that acts."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from helpers import TEMPLATE, make_data_dir, run

SETS = ["--train_set", "train", "--valid_set", "valid", "--test_sets", "test"]
FAST = ["--nj", "2", "--ngpu", "0", "--audio_format", "flac"]

# Stands in for the interpreter: plans without ESPnet (see tests/plan, tests/recipes).
PLAN_PYTHON = r"""#!/usr/bin/env bash
[[ $* != *espnet2_ext.bin.plan\ * || -n ${WITH_ESPNET:-} ]] || set -- -S "$@"
"""
PASS_ON = 'exec "${REAL_PYTHON}" "$@"\n'
# The same, "trains" at once, passes everything else on.
FAKE_PYTHON = """
case "$*" in
    *espnet2.bin.launch*)
        while [ "$1" != --output_dir ]; do shift; done
        [ -z "${FAIL_IN:-}" ] || [[ $2 != *"${FAIL_IN}"* ]] \\
            || { echo "${FAIL_WITH:-loss is not finite}"; exit 9; }
        echo "$2" >> trained
        touch "$2/config.yaml" "$2/checkpoint.pth"
        echo x > "$2/config.yaml"
        ;;
    *bin.format_data\\ *--job*)
        job=$*
        job=${job##*--job }
        [ "${FAIL_IN:-}" != "format ${job}" ] || { echo "disk full"; exit 9; }
        echo "${job}" >> formatted
        exec "${REAL_PYTHON}" "$@"
        ;;
    *espnet2_ext.bin.score\\ *)
        keys=$*
        keys=${keys##*--key_file }
        keys=${keys%% *}
        [ -z "${FAIL_IN:-}" ] || [[ ${keys} != *"${FAIL_IN}"* ]] \\
            || { echo "no such metric"; exit 9; }
        echo "${keys%/logdir*}" "$(wc -l < "${keys}")" >> scored
        ;;
    *bin.collect_scores*)
        while [ "$1" != --scoring_dir ]; do shift; done
        echo x > "$2/scores.jsonl"
        ;;
    *) exec "${REAL_PYTHON}" "$@" ;;
esac
"""


def make_recipe(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    done = run([TEMPLATE / "setup.sh", "egs2/tiny/enh_ssl1"], directory)
    assert done.returncode == 0, done.stderr
    recipe = directory / "egs2/tiny/enh_ssl1"
    for name, count in (("train", 5), ("valid", 3), ("test", 3)):
        make_data_dir(recipe, name, count, fs=48000)
    (recipe / "conf/tuning/train.yaml").write_text("max_epoch: 1\n")
    (recipe / "conf/tuning/other.yaml").write_text("max_epoch: 2\n")
    give_python(recipe, "plan_python", PASS_ON)
    give_python(recipe, "python", FAKE_PYTHON)
    return recipe


def give_python(recipe: Path, name: str, acts: str) -> None:
    """Write an interpreter that plans fast and then does what ``acts`` say."""
    (recipe / name).write_text(PLAN_PYTHON + acts)
    (recipe / name).chmod(0o755)


def stages(recipe: Path, first: int, last: int, *words: str, **environment: str):
    command = ["./enh_ssl.sh", *SETS, *FAST, "--stage", str(first)]
    command += ["--stop_stage", str(last), *words]
    return plan_fast(recipe, command, **environment)


def plan_fast(recipe: Path, command: list[str], **environment: str):
    """Run a script with an interpreter that plans fast, unless it is given another."""
    python = {"PYTHON": f"{recipe}/plan_python", "REAL_PYTHON": sys.executable}
    return run(command, recipe, **python | environment)


def train(recipe: Path, *words: str, **environment: str):
    (recipe / "trained").unlink(missing_ok=True)
    done = stages(
        recipe,
        6,
        6,
        *("--python", f"{recipe}/python", *words),
        **environment,
    )
    noted = recipe / "trained"
    names = noted.read_text().split() if noted.exists() else []
    return done, [name.removeprefix("exp/") for name in sorted(names)]


def score(recipe: Path, *words: str, **environment: str):
    (recipe / "scored").unlink(missing_ok=True)
    done = stages(
        recipe,
        *(8, 8, "--python", f"{recipe}/python", "--inference_nj", "2", *words),
        **environment,
    )
    noted = recipe / "scored"
    return done, sorted(noted.read_text().splitlines()) if noted.exists() else []


def contents(directory: Path) -> dict[str, str]:
    """Digest every file except logs (they hold dates), scores and stamps."""
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
        and path.name[0] != "."
        and not {"logs", "scoring", "scoring_clean"} & set(path.parts)
    }
