"""The options of the templates, and those that the recipes' run.sh gives them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SCRIPTS = {
    "enh_ssl": "enh_ssl1/enh_ssl.sh",
    "asr": "asr1/asr.sh",
    "hubert": "ssl1/hubert.sh",
    "superb": "superb1/superb.sh",
}
RECIPES = {
    "enh_ssl": "debian_speech/enh_ssl1",
    "asr": "debian_speech/asr1",
    "hubert": "debian_speech/ssl1",
    "superb": "noisy_superb/superb1",
}
# The variables of cmd.sh, and what the shell knows of the machine.
MACHINE = {
    "train_cmd": "run.pl",
    "cuda_cmd": "run.pl",
    "decode_cmd": "run.pl",
    "processors": "2",
}
SHOW = "#!/usr/bin/env bash\nprintf '%s\\0' \"$@\" > given\n"


def option_list(template: str) -> dict[str, str]:
    """Read name -> default between the marks of a template."""
    text = (ROOT / "egs2/TEMPLATE" / SCRIPTS[template]).read_text()
    text = text.split("## end of options")[0]
    found = re.findall(r"^([a-z_]+)=(.*?)(?:\s+#.*)?$", text, re.MULTILINE)
    options = {name: value.strip().strip('"') for name, value in found}
    return {**options, "python": sys.executable}


def stages_in(template: str) -> tuple[set[int], dict[str, set[int]]]:
    """Read the stages of a template: its functions, and what its options leave out."""
    text = (ROOT / "egs2/TEMPLATE" / SCRIPTS[template]).read_text()
    numbers = {
        int(n) for n in re.findall(r"^stage_([0-9]+)_\w+\(\)", text, re.MULTILINE)
    }
    skips = {}
    for option, said in re.findall(
        r"^(skip_\w+)=.*# leave out stages? (.*)", text, re.M
    ):
        ranges = [r.partition("-") for r in re.findall(r"[0-9]+(?:-[0-9]+)?", said)]
        skips[option] = {
            n
            for first, _, last in ranges
            for n in range(int(first), int(last or first) + 1)
        }
    return numbers, skips


def make_recipe(template: str, directory: Path) -> Path:
    """Link a shipped recipe, with a template that only says what it was given."""
    recipe = directory / template
    recipe.mkdir(parents=True)
    script = Path(SCRIPTS[template]).name
    for path in (ROOT / "egs2" / RECIPES[template]).iterdir():
        if path.name not in (script, "data", "dump", "exp", "downloads"):
            (recipe / path.name).symlink_to(path.resolve())
    (recipe / script).write_text(SHOW)
    (recipe / script).chmod(0o755)
    return recipe


def options_of(recipe: Path, *words: str) -> dict[str, str]:
    """Give all options of a template as the recipe's run.sh and ``words`` set them."""
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", "./run.sh", *words],
        cwd=recipe,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    given = (recipe / "given").read_text().split("\0")[:-1]
    names = [name.removeprefix("--").replace("-", "_") for name in given[::2]]
    pairs = dict(zip(names, given[1::2], strict=True))
    return {**option_list(recipe.name), **MACHINE, **pairs}
