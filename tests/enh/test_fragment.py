"""``conf/ssl/X.yaml`` has one reader, which refuses what nobody would use."""

import pytest

from espnet2_ext.enh.fragment import read_fragment
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec
from tests.conftest import ROOT


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return read_fragment(path)

    return read


def test_fragment_has_the_criterion_and_its_upstream(read):
    fragment = read(
        "name: ssl\nconf: {upstream: wavlm_local, path_or_url: w.pt, layers: all}\n"
        "wrapper: fixed_order_with_lengths\n"
    )
    assert fragment.spec == UpstreamSpec("wavlm_local", "w.pt", tag="mine")
    assert fragment.conf["layers"] == "all"
    assert fragment.criterion["wrapper"] == "fixed_order_with_lengths"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: ssl\nconf: {upstream: fbank, fs: 16000, fs: 8000}", "'fs' twice"),
        ("name: ssl\nname: ssl\nconf: {upstream: fbank}", "'name' twice"),
        ("name: ssl\nconfig: {}\nconf: {upstream: fbank}", "Did you mean 'conf'"),
        ("name: ssl\nconf: {upstream: fbank, layer: all}", "Did you mean 'layers'"),
        ("name: ssl\nconf: {upstream: fbank, tag: mine}", "key in conf of .* 'tag'"),
        ("name: ssl\nconf: {upstream: fbank, fs: 16k}", "fs: found '16k'"),
        ("name: ssl\nconf: {upstream: fbank, only_for_test: 'no'}", "true or false"),
        ("name: snr\nconf: {upstream: fbank}", "criterion in .* 'snr'"),
        ("name: ssl\nconf: []", "found conf"),
        ("name: ssl\nconf: {layers: all}", "found upstream None; expected a name"),
        ("criterions: []", "found a training configuration"),
    ],
)
def test_fragment_that_cannot_be_meant_is_refused(read, text, message):
    with pytest.raises(UserError, match=message):
        read(text)


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("conf/ssl/*.yaml")), ids=lambda path: path.stem
)
def test_shipped_fragment_is_read(path):
    assert read_fragment(path).spec.tag == path.stem
