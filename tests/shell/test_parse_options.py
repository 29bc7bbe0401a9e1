"""The option parser of the recipes keeps Kaldi's contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import UTILS, run

SCRIPT = f"""
set -eu
name=default   # a word
number=1       # how many
flag=false     # true or false
dashed_name=a  # of two parts
## end of options
other=1
help_message="what it does"
. {UTILS}/parse_options.sh
echo "$name|$number|$flag|$dashed_name|$*"
"""


@pytest.fixture
def parse(tmp_path: Path):
    (tmp_path / "script.sh").write_text(SCRIPT)

    def call(*words: str):
        return run(["bash", "script.sh", *words], tmp_path)

    return call


def test_values_are_taken_over_and_the_rest_is_left(parse):
    done = parse("--name", "x y", "--number", "-3", "left", "--name", "over")
    assert done.stdout == "x y|-3|false|a|left --name over\n"


def test_dash_and_underscore_are_the_same(parse):
    assert parse("--dashed-name", "b").stdout == parse("--dashed_name", "b").stdout
    assert "|b|" in parse("--dashed-name", "b").stdout


def test_an_empty_value_is_allowed(parse):
    assert parse("--name", "").stdout.startswith("|1|")


def test_unknown_option_exits_1_unless_the_script_keeps_those(parse, tmp_path):
    done = parse("--numbre", "2")
    assert done.returncode == 1
    assert "invalid option --numbre (--help lists all)" in done.stderr
    (tmp_path / "keeps.sh").write_text(
        "set -eu\nname=a # a word\n## end of options\nkeep_unknown=true\n"
        f'. {UTILS}/parse_options.sh\necho "${{name}}|${{unknown_options[*]}}|$*"\n'
    )
    words = ["--nmae", "x y", "--name", "b", "--other-one", "2", "left"]
    done = run(["bash", "keeps.sh", *words], tmp_path)
    assert done.stdout == "b|nmae=x y other_one=2|left\n"
    done = run(["bash", "keeps.sh", "--nmae"], tmp_path)
    assert done.returncode == 1
    assert "needs a value" in done.stderr


def test_boolean_accepts_only_true_and_false(parse):
    assert parse("--flag", "true").stdout == "default|1|true|a|\n"
    done = parse("--flag", "yes")
    assert done.returncode == 1
    assert "true or false" in done.stderr


def test_equals_sign_and_missing_value_are_errors(parse):
    done = parse("--name=x")
    assert (done.returncode, done.stdout) == (1, "")
    assert "--name x" in done.stderr
    done = parse("--name")
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs a value" in done.stderr


def test_help_prints_the_message_and_exits_0(parse):
    done = parse("--name", "x", "--help")
    assert (done.returncode, done.stdout) == (0, "what it does\n")


def test_config_is_read_first_and_the_command_line_wins(parse, tmp_path):
    (tmp_path / "my.conf").write_text("name=fromfile\nnumber=7\n")
    done = parse("--number", "8", "--config", "my.conf")
    assert done.stdout == "fromfile|8|false|a|\n"
    assert parse("--config", "missing.conf").returncode == 1


@pytest.mark.parametrize("name", ["IFS", "SECONDS", "other", "PATH", "help_message"])
def test_only_the_options_that_the_script_lists_are_options(parse, name):
    done = parse(f"--{name}", "x")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"invalid option --{name}" in done.stderr


def test_options_of_the_next_script_are_passed_on_from_any_position(tmp_path):
    (tmp_path / "run.sh").write_text(
        "set -eu\nbudget=demo # how much\n## end of options\npass_on=true\n"
        f'. {UTILS}/parse_options.sh\necho "${{budget}}|$*"\n'
    )
    words = ["--stage", "6", "--budget", "full", "--enh_args", "--budget x", "stray"]
    done = run(["bash", "run.sh", *words], tmp_path)
    assert done.stdout == "full|--stage 6 --enh_args --budget x stray\n"
    done = run(["bash", "run.sh", "--stage", "6", "--help"], tmp_path)
    assert "  --budget                 how much [demo]" in done.stdout
    assert done.stdout.endswith("demo|--stage 6 --help\n")
