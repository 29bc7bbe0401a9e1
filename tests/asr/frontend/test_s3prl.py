import pytest
import torch

from espnet2_ext.asr.frontend.s3prl import S3prlFrontend
from espnet2_ext.errors import UserError

LENGTHS = torch.tensor([24000, 15000])


@pytest.fixture(scope="module")
def whisper():
    return S3prlFrontend(
        frontend_conf={"upstream": "whisper_tiny_en"}, multilayer_feature=True
    )


def wavlm(checkpoints):
    path = str(checkpoints["wavlm_local"])
    return S3prlFrontend(frontend_conf={"upstream": "wavlm_local", "path_or_url": path})


def freeze(frontend):
    for parameter in frontend.upstream.parameters():  # as freeze_param does
        parameter.requires_grad = False
    return frontend


def test_espnet_builds_ours_under_its_own_name():
    from espnet2.tasks.asr import frontend_choices

    import espnet2_ext.tasks.asr  # noqa: F401

    assert frontend_choices.get_class("s3prl") is S3prlFrontend


def test_whisper_gives_one_frame_per_320_samples(whisper, speech_like):
    features, lengths = freeze(whisper).train()(speech_like, LENGTHS)
    assert features.shape == (2, 75, whisper.output_size()) == (2, 75, 384)
    assert lengths.tolist() == [75, 47]
    assert whisper.hop_length == 320


def test_padding_does_not_change_an_utterance(whisper, speech_like):
    both, _ = whisper.eval()(speech_like, LENGTHS)
    alone, _ = whisper(speech_like[1:, :15000], LENGTHS[1:])
    assert torch.allclose(both[1, :47], alone[0], atol=1e-4)


def test_only_the_layer_weights_learn(whisper, speech_like):
    features, _ = freeze(whisper).train()(speech_like, LENGTHS)
    features.square().mean().backward()
    learned = [n for n, p in whisper.named_parameters() if p.grad is not None]
    assert learned == ["featurizer.weights"]
    assert whisper.featurizer.weights.shape == (5,)


def test_frozen_upstream_has_no_dropout_in_training(checkpoints, speech_like):
    frontend = wavlm(checkpoints).train()
    one, other = (frontend(speech_like, LENGTHS)[0] for _ in range(2))
    assert not torch.allclose(one, other)  # dropout while it may learn
    freeze(frontend).train()
    one, other = (frontend(speech_like, LENGTHS)[0] for _ in range(2))
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"upstream": "wavlm_bse_plus"}, "Did you mean 'wavlm_base_plus'"),
        ({"upstream": "wavlm_base_plus", "path_or_url": "x.pt"}, "silently ignore"),
        ({"upstream": "whisper_local"}, "needs path_or_url"),
    ],
)
def test_upstreams_that_s3prl_would_misread_are_refused(conf, message):
    with pytest.raises(UserError, match=message):
        S3prlFrontend(frontend_conf=conf)


def test_file_that_is_no_checkpoint_is_refused_at_once(tmp_path):
    path = tmp_path / "x.pt"
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(UserError, match="found an HTML page"):
        S3prlFrontend(
            frontend_conf={"upstream": "hubert_local", "path_or_url": str(path)}
        )
