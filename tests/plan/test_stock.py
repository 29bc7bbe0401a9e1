"""Options that a template does not list: ESPnet's mean ours or are answered."""

from __future__ import annotations

import pytest

from espnet2_ext.plan.stock import INSTEAD, SAME, translate
from tests.plan.recipes import SCRIPTS, option_list

ENH_SSL = option_list("enh_ssl")


@pytest.mark.parametrize("name", SAME)
def test_espnets_name_gives_our_option_its_value(name):
    assert translate(ENH_SSL, {name: "x y"}) == ({SAME[name]: "x y"}, [])


def test_espnets_name_of_an_option_that_this_template_lacks_is_refused():
    meant, problems = translate(option_list("hubert"), {"spk_num": "2"})
    assert meant == {}
    assert problems == ["found invalid option --spk_num (--help lists all)"]


PATTERNS = [pattern for patterns in INSTEAD for pattern in patterns.split()]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_espnets_option_that_is_not_ours_is_answered(pattern):
    name = pattern.replace("*", "config")
    meant, (problem,) = translate(ENH_SSL, {name: "x"})
    assert meant == {}
    assert problem.startswith(f"found ESPnet's option --{name}; ")


@pytest.mark.parametrize(
    ("name", "close"),
    [
        ("stge", "--stage"),
        ("enh_confg", "--enh_config"),
        ("metrics", "--scoring_metrics"),
        ("jobs_at_once", ""),
        ("IFS", ""),
    ],
)
def test_a_mistyped_option_is_answered_with_those_that_are_close(name, close):
    _, (problem,) = translate(ENH_SSL, {name: "x"})
    assert problem.startswith(f"found invalid option --{name}")
    assert (f"did you mean {close}" in problem) is bool(close)
    assert ("did you mean" in problem) is bool(close)


def test_no_name_of_espnet_is_an_option_of_ours():
    ours = {name for template in SCRIPTS for name in option_list(template)}
    assert ours.isdisjoint({*SAME, *PATTERNS})
