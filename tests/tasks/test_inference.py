"""A network that is changed for inference is refused in one line, or builds."""

import argparse

import pytest
import yaml

from espnet2_ext.errors import UserError
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from espnet2_ext.tasks.inference import check_inference
from tests.tasks.conftest import SMALL, SNR

CONFIG = {**SMALL, "criterions": [SNR]}


@pytest.fixture(scope="module")
def weights():
    args = {**SSLEnhancementTask.get_default_config(), **CONFIG}
    return SSLEnhancementTask.build_model(argparse.Namespace(**args)).state_dict()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"separator_conf": {"causal": False}}, None),
        ({"encoder_conf": {"window": "hann"}, "separator": "tcn"}, None),
        ({"seperator": "tcn"}, "Unknown key 'seperator'.*Did you mean 'separator'"),
        ({"model_conf": {}}, "Unknown key 'model_conf'"),
        ({"separator": "tcm"}, "Unknown separator 'tcm'"),
        ({"separator_conf": {"layers": 2}}, "separator_conf of 'tcn' 'layers'"),
        ({"separator_conf": None}, "separator_conf: found None"),
        ({"separator_conf": {"hidden_dim": 9}}, "expected the weights of this network"),
        ({"encoder_conf": {"n_fft": "512"}}, "n_fft: found '512'"),
    ],
)
def test_changes_are_checked_with_the_weights(tmp_path, weights, changes, message):
    path = tmp_path / "changes.yaml"
    path.write_text(yaml.safe_dump(changes))
    if message is None:
        check_inference(CONFIG, weights, path)
        return
    with pytest.raises(UserError, match=rf"changes\.yaml: .*{message}") as caught:
        check_inference(CONFIG, weights, path)
    assert "\n" not in str(caught.value)
