"""The losses on a GPU: the values and gradients of the CPU, bfloat16, NCCL."""

import pytest
import torch

from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss.balance import Balance
from espnet2_ext.enh.loss.functional import DISTANCES, FeatureDistance
from espnet2_ext.enh.loss.uncertainty import LayerUncertainty
from espnet2_ext.torch_utils.frames import frame_mask

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no GPU that torch can use"
)
UPSTREAMS = ("whisper_tiny_en", "hubert_debian_small", "fbank")


@pytest.fixture(autouse=True)
def _exact_convolutions():
    """TF32, torch's default for convolutions, keeps three decimals."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def on(device, *tensors):
    """Copies on ``device``; the first wants a gradient."""
    first, *others = (t.detach().to(device) for t in tensors)
    return [first.requires_grad_(), *others]


def assert_both_agree(make, features):
    """Compare values and gradients of ``make()`` on the two devices."""
    found = {}
    for device in ("cpu", "cuda"):
        est, ref, mask = on(device, *features)
        value = make()(est, ref, mask, update=True)
        assert value.device.type == device
        (gradient,) = torch.autograd.grad(value.sum(), est)
        found[device] = value.cpu(), gradient.cpu()
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("normalize", ["none", "layer_norm", "running"])
@pytest.mark.parametrize("distance", DISTANCES)
def test_distance_and_gradient_are_those_of_the_cpu(
    distance, normalize, spec, features
):
    assert_both_agree(lambda: FeatureDistance(spec(distance), normalize), features)


@pytest.mark.parametrize("spec", ["soft_dtw", {"name": "soft_dtw", "band": 30}])
def test_soft_dtw_of_long_features_is_that_of_the_cpu(spec):
    torch.manual_seed(1)
    est, ref = torch.randn(4, 150, 24), torch.randn(4, 150, 24)
    mask = frame_mask(torch.tensor([150, 149, 75, 10]), 150)
    assert_both_agree(lambda: FeatureDistance(spec), (est, ref, mask))


def waveform_gradient(device, upstream, speech, dtype=torch.float32):
    """(loss, gradient) of an SSL loss of padded utterances, under autocast."""
    torch.manual_seed(0)
    est = speech + 0.02 * torch.randn_like(speech)
    leaf, ref, lengths = on(device, est, speech, torch.tensor([24000, 16000]))
    loss = SSLDistance(upstream, layers="all", normalize="layer_norm").load()
    with torch.autocast(device, dtype, enabled=dtype is not torch.float32):
        value = loss(leaf, ref, lengths)
    (gradient,) = torch.autograd.grad(value.mean(), leaf)
    return value.detach().cpu(), gradient.cpu()


def relative(found, wanted):
    return float((found - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_upstream_gives_the_loss_and_gradient_of_the_cpu(upstream, speech_like):
    wanted = waveform_gradient("cpu", upstream, speech_like)
    found = waveform_gradient("cuda", upstream, speech_like)
    assert relative(found[0], wanted[0]) < 1e-3
    assert relative(found[1], wanted[1]) < 1e-2
    assert not found[1][1, 16000:].any()  # nothing flows into the padding


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_autocast_stays_near_float32(upstream, dtype, speech_like):
    wanted = waveform_gradient("cuda", upstream, speech_like)
    found = waveform_gradient("cuda", upstream, speech_like, dtype)
    assert found[0].dtype is torch.float32
    assert relative(found[0], wanted[0]) < 0.1
    assert relative(found[1], wanted[1]) < 0.5


@pytest.fixture
def nccl(tmp_path):
    """A process group of this process alone, whose messages are on the GPU."""
    import torch.distributed as dist

    dist.init_process_group(
        "nccl",
        init_method=f"file://{tmp_path}/init",
        rank=0,
        world_size=1,
        device_id=torch.device("cuda", 0),
    )
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("nccl")
def test_what_processes_share_goes_through_nccl():
    torch.manual_seed(0)
    g_signal, g_ssl = torch.randn(2, 3, 50, device="cuda")
    balance = Balance("gradient_norm", ratio=0.5, smoothing=0.0)
    sent = balance.send(g_signal, g_ssl)
    norms = [g.norm(dim=1).mean() for g in (sent, g_signal)]
    assert float(norms[0] / norms[1]) == pytest.approx(0.5, rel=1e-4)
    running = FeatureDistance("mse", "running")
    mask = torch.ones(3, 50, dtype=torch.bool, device="cuda")
    ref = torch.randn(3, 50, 4, device="cuda")
    assert float(running(ref, ref, mask, update=True).sum()) == 0
    distances = {1: torch.rand(3, device="cuda"), 2: torch.rand(3, device="cuda")}
    assert set(LayerUncertainty()(distances, update=True)) == {1, 2}
