"""A file of settings becomes training configurations, or one clear error."""

import re

import pytest
import yaml

from espnet2_ext.ablation.settings import check, read_ablation
from espnet2_ext.errors import UserError
from tests.tasks.conftest import SMALL, SNR

SETTINGS = {
    "reference": {"snr": [], "ssl": {}},
    "alpha": {"alpha1": {"weight": 1.0}},
    "layers": {"last": {"layers": "last", "balance": "gradient_norm", "ratio": 2.0}},
}


@pytest.fixture
def fragment(checkpoints):
    path = str(checkpoints["wavlm_local"])
    return {
        "name": "ssl",
        "conf": {"upstream": "wavlm_local", "path_or_url": path, "layers": "all"},
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {"weight": 10.0},
    }


@pytest.fixture
def read(tmp_path, monkeypatch, fragment):
    """Read a file with the settings given; keywords change its other keys."""
    monkeypatch.chdir(tmp_path)
    base = {**SMALL, "criterions": [SNR]}
    other = {**fragment, "conf": {**fragment["conf"], "layers": 1}}
    for name, content in (("base", base), ("ssl", fragment), ("other", other)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))

    def write(settings=SETTINGS, **changes):
        content = {"base": "base.yaml", "ssl": "ssl.yaml", "score": ["ssl.yaml"]}
        content |= {"compare": ["snr"], "settings": settings, **changes}
        path = tmp_path / "ablation.yaml"
        text = (
            settings
            if isinstance(settings, str)
            else yaml.safe_dump(content, sort_keys=False)
        )
        path.write_text(text)
        return read_ablation(path)

    return write


def changed(ablation):
    """{label: (conf, wrapper_conf) of each SSL loss, without the upstream}."""
    found = {}
    for setting in ablation.settings:
        first, *losses = setting.config["criterions"]
        assert first == SNR
        hidden = ("upstream", "path_or_url")
        found[setting.label] = [
            ({k: v for k, v in c["conf"].items() if k not in hidden}, c["wrapper_conf"])
            for c in losses
        ]
    return found


def test_arguments_of_criterion_and_wrapper_find_their_place(read):
    assert changed(read()) == {
        "snr": [],
        "ssl": [({"layers": "all"}, {"weight": 10.0})],
        "alpha1": [({"layers": "all"}, {"weight": 1.0})],
        "last": [
            (
                {"layers": "last"},
                {"weight": 10.0, "balance": "gradient_norm", "ratio": 2.0},
            )
        ],
    }


def test_nothing_but_the_loss_differs(read):
    ablation = read()
    rest = [
        {key: value for key, value in setting.config.items() if key != "criterions"}
        for setting in ablation.settings
    ]
    assert all(config == SMALL for config in rest)
    assert [s.group for s in ablation.settings] == [
        *("reference", "reference", "alpha", "layers")
    ]


def test_a_list_is_several_losses_and_may_begin_with_another_criterion(read):
    two = [{}, {"ssl": "other.yaml", "weight": 3.0, "name": "other"}]
    found = changed(read({"g": {"snr": [], "two": two}}))["two"]
    assert found == [
        ({"layers": "all"}, {"weight": 10.0}),
        ({"layers": 1, "name": "other"}, {"weight": 3.0}),
    ]


def test_order_of_the_changes_makes_no_other_configuration(read):
    pairs = [("layers", "last"), ("distance", "l1"), ("normalize", "l2")]
    dumps = [
        yaml.safe_dump(
            read({"g": {"snr": [], "a": dict(order)}}).settings[1].config,
            sort_keys=False,
        )
        for order in (pairs, pairs[::-1])
    ]
    assert dumps[0] == dumps[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"g": {"snr": [], "a": {"layer": 1}}}, "g: a 'layer'.*mean 'layers'"),
        ({"g": {"snr": [], "a": {"rato": 1}}}, "Did you mean 'ratio'"),
        (
            {"g": {"snr": []}, "h": {"snr": {}}},
            "h: snr: expected a label that no other",
        ),
        ({"g": {"snr": [], "a b": {}}}, "g: a b: expected a label"),
        (
            {"g": {"snr": [], "a": "mse"}},
            "g: a: expected 'name: ...' pairs, found 'mse'",
        ),
        ({"g": None}, "g: expected 'name: ...' pairs, found None"),
        ({}, "'settings' is missing or empty"),
        ("base: x\nscore: []\nbase: y\n", "found 'base' twice"),
    ],
)
def test_a_wrong_setting_is_refused(read, settings, message):
    with pytest.raises(UserError, match=message):
        read(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bse": "x"}, "Unknown key in .*ablation.yaml 'bse'.*mean 'base'"),
        ({"base": "no.yaml"}, "no.yaml: cannot be read"),
        ({"compare": ["srn"]}, "compare: 'srn'.*mean 'snr'"),
        ({"compare": "snr"}, r"compare: expected a list '\[...\]', found 'snr'"),
        ({"score": "ssl.yaml"}, r"score: expected a list"),
    ],
)
def test_a_wrong_key_is_refused(read, changes, message):
    with pytest.raises(UserError, match=message):
        read(**changes)


def test_groups_and_labels_choose_and_what_is_compared_with_comes_along(read):
    ablation = read()

    def chosen(*words):
        return sorted(setting.label for setting in ablation.select(words))

    assert chosen() == ["alpha1", "last", "snr", "ssl"]
    assert chosen("layers") == ["last", "snr"]
    assert chosen("alpha1", "ssl") == ["alpha1", "snr", "ssl"]
    with pytest.raises(UserError, match=r"group or label 'layer'.*mean 'layers'"):
        ablation.select(["layer"])


def test_settings_that_can_be_trained_pass_the_check(read):
    check(read().settings)


def test_the_check_names_every_setting_that_could_not_be_trained(read):
    wrong = {
        "distance": {"distance": "msee"},
        "range": {"layers": 99},  # only the upstream knows
        "balance": {"ratio": 2.0},  # without gradient_norm
        "weight": {"weight": "high"},
        "names": [{}, {}],
        "good": {"layers": "last"},
    }
    with pytest.raises(UserError) as error:
        check(read({"g": {"snr": [], **wrong}}).settings)
    text = str(error.value)
    assert text.startswith("5 of 7 settings cannot be trained")
    for label, reason in {
        "distance": "Did you mean 'mse'",
        "range": "layer 99 is out of range",
        "balance": "write 'balance: gradient_norm'",
        "weight": "weight 'high' is not a finite number",
        "names": "two losses with 'name: ssl_loss'",
    }.items():
        assert re.search(rf"^{label}: .*{re.escape(reason)}", text, re.MULTILINE), label
    assert "good:" not in text


def test_base_of_a_setting_is_another_with_the_losses_of_the_setting(read, tmp_path):
    other = {**SMALL, "criterions": [{**SNR, "name": "si_snr"}, SNR], "max_epoch": 7}
    (tmp_path / "l1.yaml").write_text(yaml.safe_dump(other))
    settings = {
        "signal": {
            "snr": [],
            "l1": [{"base": "l1.yaml"}],
            "before": [{"base": "l1.yaml"}, {"weight": 2.0}],
            "after": [{"weight": 2.0}, {"base": "l1.yaml"}],
        }
    }
    configs = {s.label: s.config for s in read(settings).settings}
    assert configs["l1"] == other
    *signal, ssl = configs["before"]["criterions"]
    assert signal == other["criterions"]
    assert ssl["wrapper_conf"] == {"weight": 2.0}
    assert configs["before"] == configs["after"]
    assert configs["before"]["max_epoch"] == 7
    with pytest.raises(UserError, match=r"l2\.yaml"):
        read({"signal": {"snr": [], "l2": [{"base": "l2.yaml"}]}})
