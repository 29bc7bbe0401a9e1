"""What is refused, what reaches s3prl, and what is done to a loaded upstream."""

import sys

import pytest
import torch
from torch import nn

from espnet2_ext.errors import UserError
from espnet2_ext.ssl import loading
from espnet2_ext.ssl.loading import check_upstream, s3prl_hub
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.ssl.helpers import (
    Gain,
    assert_gradient_is_the_slope,
    build,
    module_of,
)
from tests.ssl.test_whisper import tiny_variables, write_ctranslate2
from tests.tiny_checkpoints import distiller


@pytest.fixture
def whisper_bin(tmp_path):
    path = tmp_path / "model.bin"
    variables = tiny_variables()
    positions = variables["encoder/position_encodings/encodings"]
    # room for the 2.7 s that s3prl tries an upstream on
    variables["encoder/position_encodings/encodings"] = positions.repeat(2, axis=0)
    write_ctranslate2(path, variables, {})
    return path


# refused when built


def test_hf_upstream_is_refused_and_the_alternative_named():
    with pytest.raises(UserError, match="use 'hubert_local'"):
        FrozenUpstream(UpstreamSpec("hf_hubert_custom", "some/model"))


def test_path_of_a_registered_name_is_refused(checkpoints):
    path = str(checkpoints["wavlm_local"])
    with pytest.raises(UserError, match=r"silently ignore.*use 'wavlm_local'"):
        FrozenUpstream(UpstreamSpec("wavlm_base_plus", path))


@pytest.mark.parametrize(
    ("upstream", "path", "message"),
    [
        ("wavlm_base_pluss", None, "Did you mean 'wavlm_base_plus'"),
        ("wavlm_local", None, "needs path_or_url"),
        ("hubert_custom", None, "needs path_or_url"),
        ("wavlm_url", None, "needs path_or_url"),
        ("wavlm_local", "no/such.pt", "no such file"),
    ],
)
def test_wrong_upstream_is_refused_when_built(upstream, path, message):
    with pytest.raises(UserError, match=message):
        check_upstream(UpstreamSpec(upstream, path))


def test_missing_s3prl_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3prl.hub", None)  # importing it fails
    with pytest.raises(UserError, match=r"s3prl cannot be imported.*tools/setup\.sh"):
        s3prl_hub.__wrapped__()


# refused when loaded


def test_unreadable_checkpoint_is_one_clear_error(tmp_path):
    bad = tmp_path / "bad.pt"
    bad.write_bytes(b"not a checkpoint")
    with pytest.raises(UserError, match=r"bad\.pt.*found text, .not a checkpoint"):
        FrozenUpstream(UpstreamSpec("wavlm_local", str(bad))).load()


def test_clear_error_of_a_reader_is_not_wrapped_in_another(tmp_path):
    path = tmp_path / "model.bin"
    write_ctranslate2(path, {"decoder": tiny_variables()["encoder/conv1/bias"]}, {})
    with pytest.raises(UserError, match=r"^no Whisper encoder among the weights"):
        FrozenUpstream(UpstreamSpec("whisper_local", str(path))).load()


class TwoRates(Gain):
    """An expert whose layers differ in frame rate, as s3prl's interface allows."""

    def forward(self, wavs):
        (state,) = super().forward(wavs)["hidden_states"]
        return {"hidden_states": [state, state[:, ::2]]}

    def get_downsample_rates(self, key):
        return [1, 2]


def test_layers_at_different_frame_rates_are_refused(monkeypatch):
    monkeypatch.setattr(s3prl_hub(), "two_rates", TwoRates, raising=False)
    with pytest.raises(UserError, match="different frame rates, 1 and 2 samples"):
        FrozenUpstream("two_rates").load()


# what reaches s3prl


def test_extra_conf_reaches_the_hub_entry_and_nothing_is_downloaded_again(monkeypatch):
    monkeypatch.setattr(s3prl_hub(), "gain", Gain, raising=False)
    upstream = FrozenUpstream(UpstreamSpec("gain", extra_conf={"colour": "red"})).load()
    assert module_of(upstream).kwargs == {"colour": "red", "refresh": False}


def test_downloads_go_where_they_should(monkeypatch, tmp_path):
    from s3prl.util import download

    monkeypatch.setattr(download, "_download_dir", download._download_dir)
    monkeypatch.setattr(s3prl_hub(), "gain", Gain, raising=False)
    FrozenUpstream(UpstreamSpec("gain", download_dir=str(tmp_path))).load()
    assert download.get_dir() == tmp_path


def test_s3prl_knows_our_upstreams(whisper_bin, speech_like):
    from s3prl.nn import S3PRLUpstream

    s3prl_hub()
    theirs = S3PRLUpstream("whisper_local", str(whisper_bin)).eval()
    states, _ = theirs(speech_like, torch.tensor([24000, 24000]))
    ours = FrozenUpstream(UpstreamSpec("whisper_local", str(whisper_bin)))(speech_like)
    for layer, value in ours.layers.items():
        torch.testing.assert_close(states[layer][:, :75], value)


def test_whisper_does_not_wait_for_s3prl(monkeypatch, whisper_bin):
    def imported():
        raise AssertionError("s3prl is imported")

    monkeypatch.setattr(loading, "s3prl_hub", imported)
    FrozenUpstream(UpstreamSpec("whisper_local", str(whisper_bin))).load()


# what is done to the upstream


def test_gradient_is_not_shrunk_deep_inside_an_upstream(tmp_path, speech_like):
    # DistilHuBERT keeps feature_grad_mult (0.1 in its checkpoint) two levels down
    path = tmp_path / "distiller.pt"
    distiller(path, feature_grad_mult=0.1)
    upstream = FrozenUpstream(UpstreamSpec("distiller_local", str(path)), layers=1)
    assert_gradient_is_the_slope(upstream, 1, speech_like[:1, :8000])


def test_no_hook_is_left_where_the_inside_is_known(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local")
    upstream(speech_like)
    parts = module_of(upstream).modules()
    assert not any(part._forward_hooks for part in parts)


def test_whisper_gives_convolutional_features_and_runs_no_block(
    whisper_bin, speech_like
):
    upstream = FrozenUpstream(
        UpstreamSpec("whisper_local", str(whisper_bin)), layers="conv"
    ).load()
    ran = []
    for block in module_of(upstream).blocks:
        block.register_forward_hook(lambda *a: ran.append(a))
    features = upstream(speech_like)
    assert features.layers["conv"].shape == (2, 75, 16)
    assert features.layers["conv"].min() >= -0.2  # GELU's range
    assert not ran


def test_upstream_is_loaded_in_evaluation_mode(monkeypatch):
    class Noisy(Gain):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.dropout = nn.Dropout(0.5)

        def forward(self, wavs):
            return super().forward([self.dropout(wav) for wav in wavs])

    monkeypatch.setattr(s3prl_hub(), "noisy", Noisy, raising=False)
    wav = torch.randn(1, 2000)
    features = FrozenUpstream("noisy")(wav).layers[0]
    assert torch.equal(features.squeeze(-1), 2 * wav)


# whose checkpoint it is

OTHERS = {
    "wavlm_local": "a WavLM or UniSpeech-SAT",
    "hubert_local": "s3prl's checkpoint of a hubert",
    "wav2vec2_local": "s3prl's checkpoint of a wav2vec2",
    "data2vec_local": "s3prl's checkpoint of a data2vec",
}


@pytest.mark.parametrize("upstream", OTHERS)
@pytest.mark.parametrize("family", OTHERS)
def test_checkpoint_of_another_family_is_called_by_its_name(
    checkpoints, upstream, family
):
    if upstream == family:
        return
    with pytest.raises(UserError, match=f"found {OTHERS[family]}.*reads as") as caught:
        FrozenUpstream(UpstreamSpec(upstream, str(checkpoints[family]))).load()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "called"),
    [
        (
            {"hubert.encoder.layers.0.attention.k_proj.weight": torch.zeros(1)},
            "weights of Hugging Face transformers",
        ),
        ({"args": None, "model": {}, "optimizer_history": []}, "checkpoint of fairseq"),
        ({"cfg": {"task": {}}, "model": {}}, "checkpoint of fairseq, not converted"),
        ({"encoder.hubert_pretrain_model.x": torch.zeros(1)}, "bin.convert_hubert"),
        ({"model": {}, "optimizers": [], "reporter": {}}, "an ESPnet training"),
        ({"b": 1, "a": 2}, "the entries a, b"),
        ([1], "a list"),
    ],
)
@pytest.mark.parametrize("upstream", ["hubert_local", "wavlm_local"])
def test_checkpoint_of_another_library_is_called_by_its_name(
    tmp_path, upstream, state, called
):
    path = tmp_path / "x.pt"
    torch.save(state, path)
    with pytest.raises(UserError, match=f"found .*{called}.*expected") as caught:
        FrozenUpstream(UpstreamSpec(upstream, str(path))).load()
    assert "\n" not in str(caught.value)


def test_argument_that_s3prl_would_swallow_is_refused(checkpoints):
    path = str(checkpoints["hubert_local"])
    FrozenUpstream(UpstreamSpec("hubert_local", path, extra_conf={"legacy": False}))
    with pytest.raises(UserError, match=r"extra_conf of 'hubert_local' 'lagecy'.*Did"):
        FrozenUpstream(UpstreamSpec("hubert_local", path, extra_conf={"lagecy": False}))
    with pytest.raises(UserError, match="extra_conf of 'hubert_base' 'layers'"):
        check_upstream(UpstreamSpec("hubert_base", extra_conf={"layers": 3}))
    with pytest.raises(UserError, match=r"extra_conf must .*found \['a'\]"):
        UpstreamSpec("hubert_base", extra_conf=["a"])
    check_upstream(UpstreamSpec("fbank", extra_conf={"model_config": "x.yaml"}))


def test_values_that_are_no_names_are_refused():
    with pytest.raises(UserError, match=r"upstream must be a text.*found \['a'\]"):
        UpstreamSpec(["a"])
    with pytest.raises(UserError, match=r"path_or_url must be .*found 5"):
        UpstreamSpec("hubert_local", 5)
