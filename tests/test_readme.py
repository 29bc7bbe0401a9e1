"""What the README claims is executed or looked up."""

import inspect
import re
import subprocess
import sys

import yaml

from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.loss.balance import RULES, Balance
from espnet2_ext.enh.loss.functional import DISTANCES
from espnet2_ext.enh.loss.normalization import NORMALIZATIONS
from espnet2_ext.ssl.layers import LayerWeights
from tests.conftest import ROOT
from tests.tasks.conftest import SNR

README = (ROOT / "README.md").read_text()
OF_LOSS = (ROOT / "espnet2_ext/enh/loss/README.md").read_text()


def block(language, containing="", page=README):
    blocks = re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)
    return next(text for text in blocks if containing in text)


def row(key):
    return next(line for line in OF_LOSS.splitlines() if line.startswith(f"| `{key}`"))


def test_paths_in_the_where_table_exist():
    table = README.split("## Where is ...")[1].split("\n## ")[0]
    paths = re.findall(r"\| `([^`]+)` \|", table)
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_links_to_files_exist():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_two_commands_exist_and_can_be_run():
    for command in block("sh", "debian_speech/enh_ssl1/run.sh").splitlines():
        path = ROOT / command
        assert path.stat().st_mode & 0o111, command


def test_example_of_the_loss_runs():
    done = subprocess.run(
        [sys.executable, "-c", block("python") + "\nassert enhanced.grad.any()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_yaml_of_the_loss_is_accepted():
    check_criterions(yaml.safe_load(block("yaml", "name: ssl")))


def test_table_of_the_loss_lists_what_there_is():
    def listed(key):
        return set(re.findall(r"`([^`]+)`", row(key).split("|")[2].split(":")[0]))

    assert listed("distance") == set(DISTANCES)
    assert listed("normalize") == set(NORMALIZATIONS)
    values = re.findall(r"`([^`]+)`", row("layers").split("|")[2].split(";")[0])
    assert len(values) == 10
    for value in values:
        LayerWeights(yaml.safe_load(value))


def test_rules_of_balancing_are_listed_and_their_yaml_is_accepted():
    table = OF_LOSS.split("| `balance` |")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(RULES)
    (entry,) = yaml.safe_load(block("yaml", "name: ssl"))
    conf = yaml.safe_load(block("yaml", "balance:", OF_LOSS))["wrapper_conf"]
    check_criterions([SNR, {**entry, "wrapper_conf": conf}])
    Balance(conf.pop("balance"), **conf)


def test_table_of_distances_has_their_parameters_and_defaults():
    for name, distance in DISTANCES.items():
        listed = re.findall(r"`(\w+)` ([\w.-]+)?", row(name).split("|")[3])
        parameters = inspect.signature(distance).parameters.values()
        expected = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        assert {key for key, _ in listed} == set(expected)
        for key, value in listed:
            default = expected[key]
            if key != "centroids":
                assert default is None if value == "none" else default == float(value)


def test_modules_and_options_in_shell_blocks_exist():
    import importlib.util

    names = re.findall(r"python -m ([\w.]+)", README)
    assert names
    for name in names:
        assert importlib.util.find_spec(name), name


def test_figures_stand_beside_the_command_that_makes_them():
    for heading in ("What it costs", "Run it"):
        after = README.split(heading)[1]
        assert "```sh" in after.split("\n## ")[0]
