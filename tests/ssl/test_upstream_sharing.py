"""One copy of an upstream in a process, one forward pass a signal and step."""

import copy
import gc
import threading
import time
import weakref

import pytest
import torch

from espnet2_ext.ssl import shared
from espnet2_ext.ssl.loading import build_upstream, s3prl_hub
from espnet2_ext.ssl.memo import shared_forwards
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.ssl.upstream import FrozenUpstream
from tests.ssl.helpers import CPU, Gain, build, module_of

GPU = torch.device("meta")  # stands for one


@pytest.fixture
def gains(monkeypatch):
    """Two upstreams, ``gain`` and ``other_gain``, quick to load."""
    for name, gain in (("gain", 2.0), ("other_gain", 3.0)):
        entry = lambda gain=gain, **kwargs: Gain(gain, **kwargs)  # noqa: E731
        monkeypatch.setattr(s3prl_hub(), name, entry, raising=False)


@pytest.fixture
def wav():
    return torch.randn(2, 2000, generator=torch.Generator().manual_seed(0))


# copies


def test_two_users_share_one_copy(checkpoints):
    one = build(checkpoints, "wavlm_local", layers=1).load()
    two = build(checkpoints, "wavlm_local", layers=2).load()
    assert module_of(one) is module_of(two)


def test_other_checkpoint_of_the_same_name_is_another_copy(checkpoints, speech_like):
    one = build(checkpoints, "wavlm_local", layers=1).load()
    two = build(checkpoints, "wavlm_local:large", layers=1).load()
    assert module_of(one) is not module_of(two)
    assert not torch.allclose(one(speech_like).layers[1], two(speech_like).layers[1])


def test_relative_path_stands_for_the_file_it_named(checkpoints, monkeypatch, tmp_path):
    path = checkpoints["wavlm_local"]
    monkeypatch.chdir(path.parent)
    relative = FrozenUpstream(UpstreamSpec("wavlm_local", path.name))
    monkeypatch.chdir(tmp_path)
    assert relative._shared is build(checkpoints, "wavlm_local")._shared
    relative.load()


def test_url_stays_as_it_is():
    url = "https://example.org/model.pt"
    spec = FrozenUpstream(UpstreamSpec("wavlm_url", url))._shared.spec
    assert spec.path_or_url == url


def test_copy_of_a_model_shares_the_upstream(gains):
    upstream = FrozenUpstream("gain").load()
    assert copy.deepcopy({"loss": upstream})["loss"] is upstream


def test_copy_on_the_cpu_moves_to_the_device_that_asks(gains):
    upstream = FrozenUpstream("gain").load()
    module, stack = module_of(upstream), upstream._shared.on(CPU)
    assert upstream._shared.on(GPU) is stack
    assert list(upstream._shared._copies) == [GPU]
    assert module.gain.device == GPU


def test_later_user_finds_the_copy_where_it_went(gains):
    copies = FrozenUpstream("gain").load()._shared
    stack = copies.on(GPU)
    assert copies.device() == GPU
    assert copies.on(GPU) is stack
    assert list(copies._copies) == [GPU]


def test_threads_that_load_at_once_build_one_copy(gains, monkeypatch):
    built = []

    def build_slowly(spec):
        built.append(spec.upstream)
        time.sleep(0.05)
        return build_upstream(spec)

    monkeypatch.setattr(shared, "build_upstream", build_slowly)
    users = [FrozenUpstream("gain") for _ in range(4)]
    threads = [threading.Thread(target=user.load) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert built == ["gain"]


def test_weights_go_with_their_last_user(gains):
    upstream = FrozenUpstream("gain").load()
    module = weakref.ref(module_of(upstream))
    del upstream
    gc.collect()
    assert module() is None


# forward passes


def test_losses_of_one_step_share_a_forward_pass(checkpoints, speech_like):
    one = build(checkpoints, "wavlm_local", layers=1).load()
    two = build(checkpoints, "wavlm_local", layers=[0, 3]).load()
    stack = one._shared.on(CPU)
    runs = []
    original = stack.run
    stack.run = lambda wav, lengths, depth, exact, call: (
        runs.append(depth) or original(wav, lengths, depth, exact, call)
    )
    try:
        with shared_forwards():
            together = one(speech_like).layers[1], two(speech_like).layers[3]
            other = one(speech_like.clone()).layers[1]
        assert runs == [3, 3]  # once a signal, deep enough for both
        apart = one(speech_like).layers[1], two(speech_like).layers[3]
        assert runs == [3, 3, 1, 3]
    finally:
        stack.run = original
    torch.testing.assert_close(together, apart)
    torch.testing.assert_close(other, apart[0])


def test_sharing_does_not_hand_a_graphless_result_to_a_loss(gains, wav):
    upstream = FrozenUpstream("gain")
    wav.requires_grad_()
    with shared_forwards():
        with torch.no_grad():
            assert not upstream(wav).layers[0].requires_grad
        assert upstream(wav).layers[0].requires_grad


def test_clean_speech_is_shared_whether_gradients_are_on_or_off(gains, wav):
    upstream = FrozenUpstream("gain").load()
    calls = module_of(upstream).calls
    calls.clear()
    with shared_forwards():
        upstream(wav)
        with torch.no_grad():
            upstream(wav)
    assert len(calls) == 1


def test_sharing_notices_a_signal_changed_in_place(gains, wav):
    upstream = FrozenUpstream("gain")
    with shared_forwards():
        before = upstream(wav).layers[0]
        wav.mul_(0.1)
        assert not torch.allclose(upstream(wav).layers[0], before)


def test_sharing_tells_views_of_the_same_memory_apart(gains):
    upstream = FrozenUpstream("gain")
    memory = torch.arange(4000.0)
    rows = memory.as_strided((2, 2000), (2000, 1))
    columns = memory.as_strided((2, 2000), (1, 2))
    with shared_forwards():
        for wav in (rows, columns):
            assert torch.equal(upstream(wav).layers[0].squeeze(-1), 2 * wav)


def test_sharing_is_not_deceived_by_memory_that_is_used_again(gains):
    upstream = FrozenUpstream("gain")
    with shared_forwards(), torch.no_grad():
        for value in range(20):  # each tensor is freed, its address free to reuse
            features = upstream(torch.full((1, 2000), float(value))).layers[0]
            assert features[0, 0] == 2 * value


def test_sharing_tells_lengths_apart(gains, wav):
    upstream = FrozenUpstream("gain")
    with shared_forwards():
        for lengths in ([2000, 2000], [2000, 1700]):
            got = upstream(wav, torch.tensor(lengths)).lengths
            assert got.tolist() == lengths


def test_sharing_tells_upstreams_and_sampling_rates_apart(gains, wav):
    double, triple = FrozenUpstream("gain"), FrozenUpstream("other_gain")
    slow = FrozenUpstream("gain", fs=8000)
    with shared_forwards():
        assert torch.equal(double(wav).layers[0].squeeze(-1), 2 * wav)
        assert torch.equal(triple(wav).layers[0].squeeze(-1), 3 * wav)
        assert slow(wav).layers[0].size(1) == 4000


def test_sharing_ends_with_its_own_block(gains, wav):
    upstream = FrozenUpstream("gain").load()
    calls = module_of(upstream).calls
    calls.clear()
    with shared_forwards():
        upstream(wav)
        with shared_forwards():
            upstream(wav)
        upstream(wav)  # the outer block is in force again
        assert len(calls) == 2
    upstream(wav)
    assert len(calls) == 3


def test_threads_do_not_share_a_step(gains, wav):
    upstream = FrozenUpstream("gain").load()
    calls = module_of(upstream).calls
    calls.clear()
    with shared_forwards():
        upstream(wav)
        thread = threading.Thread(target=upstream, args=(wav,))
        thread.start()
        thread.join()
    assert len(calls) == 2


def test_later_draw_may_go_deeper_than_the_pass_that_is_shared(
    checkpoints, speech_like
):
    upstream = build(checkpoints, "wavlm_local", layers="all").load()
    alone = upstream(speech_like, layers=[3]).layers[3]
    with shared_forwards():
        upstream(speech_like, layers=[1])
        deeper = upstream(speech_like, layers=[3]).layers[3]
    torch.testing.assert_close(deeper, alone)


def test_pass_of_a_lone_user_stops_at_what_was_drawn(checkpoints, speech_like):
    upstream = build(checkpoints, "wavlm_local:large", layers="all").load()
    depths, run = [], upstream._run
    upstream._run = lambda wav, lengths, depth: (
        depths.append(depth) or run(wav, lengths, depth)
    )
    other = build(checkpoints, "wavlm_local:large", layers=2)
    with shared_forwards():
        upstream(speech_like, layers=[1])
    other.load()
    with shared_forwards():
        upstream(speech_like, layers=[1])
    assert depths == [1, 2]
