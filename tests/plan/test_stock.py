"""Options that a template does not list: ESPnet's mean ours or are answered."""

from __future__ import annotations

import pytest

from espnet2_ext.plan.stock import SAME, STOCK, translate
from tests.plan.recipes import SCRIPTS, option_list

ENH_SSL = option_list("enh_ssl")


@pytest.mark.parametrize("name", SAME)
def test_espnets_name_gives_our_option_its_value(name):
    assert translate(ENH_SSL, {name: "x y"}) == ({SAME[name]: "x y"}, [])


def test_espnets_name_of_an_option_that_this_template_lacks_is_refused():
    meant, problems = translate(option_list("hubert"), {"spk_num": "2"})
    assert meant == {}
    assert problems == ["found invalid option --spk_num (--help lists all)"]


@pytest.mark.parametrize(
    ("name", "value", "harmless"),
    [
        ("lang", "zh", True),
        ("ref_channel", "3", True),
        ("feats_type", "raw", True),
        ("feats_type", "fbank_pitch", False),
        ("inf_num", "1", True),
        ("inf_num", "2", False),
        ("use_lm", "true", False),
        ("lm_config", "conf/lm.yaml", False),
        ("nlsyms_txt", "none", True),
    ],
)
def test_harmless_values_of_espnets_options_are_silent(name, value, harmless):
    meant, problems = translate(ENH_SSL, {name: value})
    assert (meant, not problems) == ({}, harmless)
    assert all(x.startswith(f"found ESPnet's option --{name} '") for x in problems)


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
    patterns = {pattern for patterns in STOCK for pattern in patterns.split()}
    assert ours - {"lang"} == ours - {*SAME, *patterns}  # asr.sh has a language
