"""One value says which upstream."""

import dataclasses

import pytest

from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec, split_conf


def test_name_alone_is_a_spec():
    assert UpstreamSpec.of("fbank") == UpstreamSpec("fbank")
    given = UpstreamSpec("wavlm_local", "x.pt", tag="mine")
    assert UpstreamSpec.of(given) is given


def test_spec_is_called_as_its_upstream_unless_it_has_a_tag():
    assert UpstreamSpec("fbank").tag == "fbank"
    assert UpstreamSpec("fbank", tag="mine").tag == "mine"


def test_spec_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        UpstreamSpec("fbank").upstream = "mfcc"


def test_path_may_be_a_path(tmp_path):
    assert UpstreamSpec("wavlm_local", tmp_path).path_or_url == str(tmp_path)


def test_checkpoint_has_one_way_in():
    with pytest.raises(UserError, match="give it as path_or_url instead"):
        UpstreamSpec("wavlm_local", extra_conf={"ckpt": "x.pt"})


def test_what_is_loaded_does_not_depend_on_tag_or_padding():
    key = UpstreamSpec("fbank", extra_conf={"a": 1}).weights_key()
    other = UpstreamSpec("fbank", extra_conf={"a": 1}, tag="mine", exact_padding=False)
    assert other.weights_key() == key
    assert UpstreamSpec("fbank", extra_conf={"a": 2}).weights_key() != key


def test_flat_settings_are_split_into_the_upstream_and_the_rest():
    conf = {"layers": "all", "upstream": "hubert_base", "exact_padding": False}
    spec, rest = split_conf({**conf, "tag": "no setting"})
    assert spec == UpstreamSpec("hubert_base", exact_padding=False)
    assert rest == {"layers": "all", "tag": "no setting"}
