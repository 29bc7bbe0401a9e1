import pytest
import torch

from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec
from tests.flat import ssl_distance


@pytest.fixture
def conf(checkpoints):
    return {"upstream": "wavlm_local", "path_or_url": str(checkpoints["wavlm_local"])}


@pytest.fixture
def noisy(speech_like):
    generator = torch.Generator().manual_seed(2)
    return speech_like + 0.05 * torch.randn(speech_like.shape, generator=generator)


def test_clean_input_costs_nothing_and_noise_costs_more(conf, speech_like, noisy):
    criterion = SSLLoss(**conf)
    assert torch.equal(criterion(speech_like, speech_like), torch.zeros(2))
    small = criterion(speech_like, speech_like + 0.1 * (noisy - speech_like))
    assert (criterion(speech_like, noisy) > small).all()
    assert (small > 0).all()


def test_loss_is_the_weighted_mean_of_the_logged_layers(conf, speech_like, noisy):
    criterion = SSLLoss(**conf, layers={1: 1.0, 3: 3.0})
    loss = criterion(speech_like, noisy.requires_grad_())
    assert list(criterion.stats) == ["ssl_loss_l01", "ssl_loss_l03"]
    one, three = criterion.stats.values()
    torch.testing.assert_close(loss, 0.25 * one + 0.75 * three)
    assert loss.requires_grad
    assert not one.requires_grad  # a log keeps no graph


def test_agrees_with_s3prl_features_and_torch_mse(
    conf, checkpoints, speech_like, noisy
):
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("wavlm_local", conf["path_or_url"]).eval()
    lengths = torch.tensor([24000, 24000])
    with torch.no_grad():
        clean, _ = upstream(speech_like, lengths)
        enhanced, _ = upstream(noisy, lengths)
    frames = 74  # s3prl repeats the last one
    expected = torch.stack(
        [(enhanced[n] - clean[n])[:, :frames].square().mean(dim=(1, 2)) for n in (2, 3)]
    ).mean(0)
    got = SSLLoss(**conf, layers="later_half")(speech_like, noisy)
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-6)


def test_gradient_reaches_the_enhanced_speech_and_not_the_clean(
    conf, speech_like, noisy
):
    ref, inf = speech_like.clone().requires_grad_(), noisy.clone().requires_grad_()
    SSLLoss(**conf)(ref, inf).sum().backward()
    assert ref.grad is None
    assert torch.isfinite(inf.grad).all()
    assert (inf.grad.abs().sum(1) > 0).all()


def test_gradient_lowers_the_loss(conf, speech_like, noisy):
    criterion = SSLLoss(**conf)
    inf = noisy.clone().requires_grad_()
    before = criterion(speech_like, inf).sum()
    before.backward()
    step = 1e-3 * inf.grad / inf.grad.abs().max()
    assert criterion(speech_like, inf.detach() - step).sum() < before


def test_samples_beyond_the_length_do_not_count(checkpoints, speech_like, noisy):
    # layer-norm family: GroupNorm of the base models sees the padding by design
    path = str(checkpoints["wavlm_local:large"])
    criterion = SSLLoss(upstream="wavlm_local", path_or_url=path)
    lengths = torch.tensor([24000, 14000])
    ref, inf = speech_like.clone(), noisy.clone()
    ref[1, 14000:] = 0
    inf[1, 14000:] = 0
    whole = criterion(ref, inf, lengths)
    alone = criterion(ref[1:, :14000], inf[1:, :14000])
    torch.testing.assert_close(whole[1:], alone, rtol=1e-3, atol=1e-6)
    assert not torch.allclose(criterion(ref, inf)[1:], alone, rtol=1e-2)


def test_two_criteria_can_stand_side_by_side(conf, speech_like):
    one, two = SSLLoss(**conf, layers=1), SSLLoss(**conf, layers=1, name="other")
    assert (one.name, two.name) == ("ssl_loss", "other")
    for criterion in (one, two):
        criterion(speech_like, speech_like)
    assert [*one.stats, *two.stats] == ["ssl_loss_l01", "other_l01"]


@pytest.mark.parametrize("flag", ["only_for_test", "is_noise_loss", "is_dereverb_loss"])
def test_where_the_loss_applies_is_what_espnet_is_told(conf, flag):
    assert not getattr(SSLLoss(**conf), flag)
    assert getattr(SSLLoss(**conf, **{flag: True}), flag)


def test_upstream_gets_every_argument(conf, tmp_path):
    extra = {"refresh": False}
    upstream = SSLLoss(
        **conf, download_dir=str(tmp_path), extra_conf=extra, fs=8000
    ).ssl_distance.upstream
    assert upstream.fs == 8000
    assert upstream.spec == UpstreamSpec(
        "wavlm_local", conf["path_or_url"], str(tmp_path), extra
    )


def test_criterion_holds_no_weights(conf, speech_like):
    criterion = SSLLoss(**conf, normalize="running")
    criterion(speech_like, speech_like.clone().requires_grad_())
    assert not criterion.state_dict()
    assert not list(criterion.parameters())


def test_layers_drawn_at_random_are_logged_in_evaluation_only(conf, speech_like, noisy):
    criterion = SSLLoss(**conf, layers={"random": 1, "of": [1, 3]})
    assert criterion(speech_like, noisy.clone().requires_grad_()).requires_grad
    assert criterion.stats == {}
    criterion(speech_like, noisy)
    assert list(criterion.stats) == ["ssl_loss_l01", "ssl_loss_l03"]


def test_log_at_the_start_says_what_the_loss_is_made_of(conf, caplog):
    layers, distance = {"random": 1, "of": [1, 3]}, {"name": "soft_dtw", "band": 5}
    criterion = SSLLoss(
        **conf, layers=layers, distance=distance, normalize="l2", pad_reference=4
    )
    with caplog.at_level("INFO"):
        criterion.load()
    for part in (
        "upstream wavlm_local",
        "{'name': 'soft_dtw', 'band': 5} over 1 random layers of 0.500 x l01, 0.500",
        "normalize l2",
        "pad_reference 4",
    ):
        assert part in caplog.text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"distance": "mean"}, "Unknown distance 'mean'"),
        ({"normalize": "layernorm"}, "Did you mean 'layer_norm'"),
        ({"layers": "latter_half"}, "expected one of all, first_half"),
        ({"distance": {"name": "soft_dtw", "gama": 1}}, "Did you mean 'gamma'"),
        ({"distance": {"name": "soft_dtw", "band": 0}}, "band 0 is too narrow"),
        ({"distance": "unit_cross_entropy"}, "needs 'centroids'"),
        ({"pad_reference": -1}, "pad_reference must be"),
        ({"layers": {"random": 0}}, "random must be"),
        ({"upstream": "mel", "path_or_url": None, "layers": "conv"}, "no convol"),
        ({"upstream": "wavlm_locl"}, "Did you mean 'wavlm_local'"),
    ],
)
def test_wrong_setting_is_refused_when_built(conf, wrong, message):
    with pytest.raises(UserError, match=message):
        SSLLoss(**{**conf, **wrong})


def test_plain_loop_gets_the_same_number(conf, speech_like, noisy):
    distance = ssl_distance(**conf)
    torch.testing.assert_close(
        distance(est=noisy, ref=speech_like), SSLLoss(**conf)(speech_like, noisy)
    )
