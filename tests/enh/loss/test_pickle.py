"""Copies and pickles: the arguments, what was learnt, and never the weights."""

import argparse
import copy
import io
import pickle
import shutil

import pytest
import torch
import yaml

from espnet2_ext.asr.frontend.s3prl import S3prlFrontend
from espnet2_ext.enh.loss import SSLDistance
from espnet2_ext.enh.loss.criterions.ssl import SSLLoss
from espnet2_ext.enh.loss.functional import DISTANCES, FeatureDistance
from espnet2_ext.enh.loss.normalization import NORMALIZATIONS
from espnet2_ext.enh.loss.wrappers.with_lengths import FixedOrderWithLengthsSolver
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.superb.features import StoredUpstream
from espnet2_ext.tasks.enh_ssl import SSLEnhancementTask
from tests.flat import frozen_upstream, ssl_distance


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


def saved(thing):
    stream = io.BytesIO()
    torch.save(thing, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=False)


WAYS = {"pickle": pickled, "torch.save": saved, "deepcopy": copy.deepcopy}
FULL = torch.tensor([6000, 6000])


@pytest.fixture(params=WAYS)
def again(request):
    return WAYS[request.param]


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(2, 6000, generator=generator) for _ in range(2)]


@pytest.fixture
def conf(checkpoints):
    return {"upstream": "hubert_local", "path_or_url": str(checkpoints["hubert_local"])}


SETTINGS = {
    "plain": {},
    "before its first use": {"fs": 8000, "layers": {"conv": 0.25, "last": 0.75}},
    "running": {"normalize": "running"},
    "uncertainty": {"layers": {"uncertainty": "all"}},
    "random": {"layers": {"random": 1, "of": "all"}, "pad_reference": 3},
    "parameters": {"distance": {"name": "soft_dtw", "gamma": 0.5, "band": 4}},
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_distance_goes_on_as_it_was(conf, kind, again, pair):
    loss = ssl_distance(**conf, **SETTINGS[kind])
    if kind != "before its first use":
        loss(pair[0].clone().requires_grad_(), pair[1])  # learns, and draws
    other = again(loss)
    est = pair[0].clone().requires_grad_()
    for _ in range(3):
        torch.testing.assert_close(other(est, pair[1]), loss(est, pair[1]))
    assert torch.equal(other(*pair), loss(*pair))


def test_pickle_holds_no_weights_and_shares_the_copy_of_the_process(conf):
    upstream = frozen_upstream(**conf).load()
    data = pickle.dumps(upstream)
    assert len(data) < 2000
    other = pickle.loads(data)
    assert other._shared is upstream._shared
    assert other._weights is None
    assert copy.copy(upstream).weights == upstream.weights


def test_pickle_is_read_where_the_checkpoint_is_not(conf, tmp_path):
    moved = tmp_path / "gone.pt"
    shutil.copy(conf["path_or_url"], moved)
    data = pickle.dumps(SSLDistance(UpstreamSpec("hubert_local", str(moved))).load())
    moved.unlink()
    loss = pickle.loads(data)  # the model beside it may be used
    assert loss.upstream.spec.upstream == "hubert_local"


def test_learned_weights_of_layers_are_kept(conf, tmp_path):
    head = tmp_path / "head.pt"
    torch.save({"featurizer.weights": torch.tensor([0.0, 1.0, 2.0, 3.0])}, head)
    loss = ssl_distance(**conf, layers={"featurizer": str(head)})
    data = pickle.dumps(loss)
    head.unlink()
    assert pickle.loads(data).upstream.weights == loss.upstream.weights


@pytest.mark.parametrize("normalize", sorted(NORMALIZATIONS))
@pytest.mark.parametrize("distance", sorted(DISTANCES))
def test_every_distance_and_normalisation(distance, normalize, again, features, spec):
    compare = FeatureDistance(spec(distance), normalize)
    compare(*features, update=True)
    assert torch.equal(again(compare)(*features), compare(*features))


def test_criterion_and_solver(conf, again, pair):
    solver = FixedOrderWithLengthsSolver(
        SSLLoss(**conf), balance="gradient_norm", weight=3.0
    )
    lengths = {"speech_lengths": FULL, "balanced": []}
    solver([pair[1]], [pair[0].clone().requires_grad_()], lengths)
    solver.balance.send(torch.ones(2, 9), torch.ones(2, 9))
    solver.criterion.stats = {}
    other = again(solver)
    assert other.balance.alpha == solver.balance.alpha
    value, *_ = other([pair[1]], [pair[0]], {**lengths, "balanced": []})
    assert torch.isfinite(value)


def test_whole_espnet_model(again, pair, checkpoints):
    entry = """
      - {name: snr, conf: {}, wrapper: fixed_order, wrapper_conf: {weight: 1.0}}
      - {name: ssl, wrapper: fixed_order_with_lengths, wrapper_conf: {weight: 2.0},
         conf: {upstream: hubert_local, path_or_url: PATH}}
    """.replace("PATH", str(checkpoints["hubert_local"]))
    stft = {"n_fft": 64, "hop_length": 32}
    changes = {
        **{"encoder": "stft", "encoder_conf": stft, "decoder": "stft"},
        **{
            "decoder_conf": stft,
            "separator": "tcn",
            "criterions": yaml.safe_load(entry),
        },
        "separator_conf": {"num_spk": 1, "layer": 1, "stack": 1, "hidden_dim": 4},
    }
    defaults = SSLEnhancementTask.get_default_config()
    model = SSLEnhancementTask.build_model(
        argparse.Namespace(**{**defaults, **changes})
    )
    model.eval()
    batch = {"speech_mix": pair[0], "speech_ref1": pair[1], "speech_mix_lengths": FULL}
    expected = model(**batch)[0].detach()
    model.zero_grad()
    other = again(model.train().eval())
    torch.testing.assert_close(other(**batch)[0].detach(), expected)


def in_child(loss, pair, queue):
    value = loss(*pair)
    queue.put(value.tolist())


@pytest.mark.slow
def test_spawned_process_gets_the_loss(pair):
    loss = SSLDistance("hubert_debian_small", layers="last").load()
    context = torch.multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=in_child, args=(loss, pair, queue))
    process.start()
    found = queue.get(timeout=300)
    process.join()
    torch.testing.assert_close(torch.tensor(found), loss(*pair))


def test_frontend_keeps_what_was_trained(again, pair):
    frontend = S3prlFrontend(
        frontend_conf={"upstream": "hubert_debian_small"}, multilayer_feature=True
    )
    frontend.upstream.requires_grad_(False)
    with torch.no_grad():
        frontend.featurizer.weights += torch.arange(6.0)
    frontend.eval()
    other = again(frontend)
    assert [p.requires_grad for p in other.parameters()] == [
        p.requires_grad for p in frontend.parameters()
    ]
    with torch.no_grad():
        for found, expected in zip(
            other(pair[0], FULL), frontend(pair[0], FULL), strict=True
        ):
            torch.testing.assert_close(found, expected)


def test_stored_upstream_of_the_probes(again, pair, tmp_path):
    upstream = StoredUpstream(UpstreamSpec("fbank", tag="x"), tmp_path, 10**8)
    expected = upstream(pair[0], FULL)[0][0]
    other = again(upstream)
    assert torch.equal(other(pair[0], FULL)[0][0], expected)
    assert len(other(pair[1], FULL)[0]) == 1  # not in the store: loads the upstream
