"""The keys of a configuration are what the classes take, each default once."""

import inspect

import pytest

from espnet2_ext.enh.criterions import check_criterions
from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss.conf import Role, read_conf
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec

# what users have in their files; one that is renamed breaks them
KEYS = {
    *("upstream", "path_or_url", "download_dir", "extra_conf", "exact_padding"),
    *("layers", "distance", "normalize", "fs", "pad_reference"),
    "activation_checkpointing",
    *("name", "only_for_test", "is_noise_loss", "is_dereverb_loss"),
}


def entry(**conf):
    return {
        "name": "ssl",
        "conf": {"upstream": "fbank", **conf},
        "wrapper": "fixed_order_with_lengths",
        "wrapper_conf": {},
    }


def test_keys_of_a_configuration_are_those_that_users_have():
    assert set(inspect.signature(SSLLoss).parameters) == KEYS


def test_every_argument_of_the_distance_is_a_key_with_its_default():
    found = inspect.signature(SSLLoss).parameters
    for part in (UpstreamSpec, SSLDistance, Role):
        for name, parameter in inspect.signature(part).parameters.items():
            if name != "tag":
                assert found[name].default == parameter.default


def test_configuration_check_knows_every_key():
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(SSLLoss).parameters.items()
        if name != "upstream"
    }
    check_criterions([entry(**defaults)])


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"layer": 1}, "Did you mean 'layers'"),
        ({"tag": "mine"}, "'tag'"),
        ({"fs": "16k"}, "fs: found '16k'"),
        ({"exact_padding": "no"}, "exact_padding: found 'no'"),
    ],
)
def test_configuration_check_refuses(conf, message):
    with pytest.raises(UserError, match=message):
        check_criterions([entry(**conf)])


def test_settings_of_the_distance_are_given_by_name():
    assert SSLDistance("fbank").upstream.spec == UpstreamSpec("fbank")
    with pytest.raises(TypeError):
        SSLDistance("fbank", "all")


def test_conf_makes_what_it_says():
    role, distance = read_conf(
        {"upstream": "fbank", "name": "mine", "layers": 0, "normalize": "l2"}
    )
    assert role == Role(name="mine")
    assert (distance.normalize, distance.upstream.layers.spec) == ("l2", 0)
