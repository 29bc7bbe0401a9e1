import json

import numpy as np
import pytest
import torch
import yaml

from espnet2_ext.enh.fragment import read_upstream
from espnet2_ext.errors import UserError
from espnet2_ext.ssl.spec import UpstreamSpec
from espnet2_ext.superb.features import FeatureStore, StoredUpstream

WHISPER = UpstreamSpec("whisper_tiny_en", tag="whisper")
GB = 10**9


def noise(*lengths, seed=0):
    """Waveforms padded with zeros (B, T), and their lengths."""
    generator = torch.Generator().manual_seed(seed)
    rows = [0.1 * torch.randn(n, generator=generator) for n in lengths]
    batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return batch, torch.tensor(lengths)


@pytest.fixture
def whisper(tmp_path):
    return StoredUpstream(WHISPER, tmp_path, GB)


def compare_with_s3prl(upstream, spec):
    """Largest difference relative to the largest feature, alone in the batch."""
    from s3prl.nn import S3PRLUpstream

    theirs = S3PRLUpstream(spec.upstream, spec.path_or_url).eval()
    assert upstream.num_layers == theirs.num_layers
    assert upstream.hidden_sizes == theirs.hidden_sizes
    assert upstream.downsample_rates == theirs.downsample_rates
    worst = 0.0
    for length in (16000, 15999, 9000):
        wavs, lengths = noise(length)
        with torch.no_grad():
            expected, frames = theirs(wavs, lengths)
        found, ours = upstream(wavs, lengths)
        assert [int(n) for n in frames] == [int(n) for n in ours]
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            worst = max(worst, float((a - b).abs().max() / b.abs().max()))
    return worst


def test_features_are_s3prls_to_half_precision(checkpoints, tmp_path):
    path = str(checkpoints["wavlm_local"])
    spec = UpstreamSpec("wavlm_local", path, tag="w")
    assert compare_with_s3prl(StoredUpstream(spec, tmp_path, GB), spec) < 1e-3


def test_fbank_has_s3prls_frames_and_values(tmp_path):
    spec = UpstreamSpec("fbank")
    assert compare_with_s3prl(StoredUpstream(spec, tmp_path, GB), spec) < 1e-3


def test_padding_changes_nothing(whisper):
    wavs, lengths = noise(9000, 16000)
    together, frames = whisper(wavs, lengths)
    alone, _ = whisper(wavs[:1, :9000], lengths[:1])
    assert frames[0].tolist() == [29, 50]
    for layer, single in zip(together, alone, strict=True):
        assert torch.equal(layer[0, :29], single[0])
        assert not layer[0, 29:].any()


def test_a_waveform_is_computed_once_by_whatever_way_it_comes(whisper, tmp_path):
    wavs, lengths = noise(9000, 16000)
    first, _ = whisper(wavs, lengths)
    again, _ = whisper(wavs.unsqueeze(-1), lengths)  # s3prl also gives (B, T, 1)
    assert (whisper.store.computed, whisper.store.found) == (2, 2)
    other = StoredUpstream(WHISPER, tmp_path, GB)
    third, _ = other(wavs[1:], lengths[1:])
    assert (other.store.computed, other.store.found) == (0, 1)
    assert other.extract._loaded is None  # not even the weights were read
    for a, b, c in zip(first, again, third, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a[1], c[0])


def test_results_do_not_depend_on_what_is_stored(whisper, tmp_path):
    wavs, lengths = noise(16000)
    stored = [whisper(wavs, lengths)[0] for _ in range(2)][1]
    full = StoredUpstream(WHISPER, tmp_path / "full", 0)
    computed = [full(wavs, lengths)[0] for _ in range(2)][1]
    assert all(map(torch.equal, stored, computed))
    assert full.store.computed == 2
    assert not list((tmp_path / "full").glob("*/*/*.npy"))
    assert "full (2 not stored: --max_store_gb)" in full.store.summary()


def test_random_excerpts_are_not_stored(whisper):
    whisper.crop_samples = 16000
    for seed in range(2):
        whisper(*noise(16000, 9000, seed=seed))
    assert len(list(whisper.store.directory.glob("*/*.npy"))) == 2  # the short ones


def test_it_has_no_parameters_and_needs_no_gradient(whisper):
    assert not list(whisper.parameters())
    assert not whisper.state_dict()
    assert not whisper(*noise(8000))[0][0].requires_grad


def test_beyond_thirty_seconds_whisper_works_in_windows(whisper):
    wavs, lengths = noise(31 * 16000)
    layers, frames = whisper(wavs, lengths)
    head, _ = whisper(wavs[:, : 30 * 16000], lengths - 16000)
    assert frames[0].tolist() == [31 * 50]
    assert torch.equal(layers[2][0, :1500], head[2][0])


def test_an_interrupted_writer_leaves_nothing_that_is_read(tmp_path):
    store = FeatureStore(tmp_path, GB)
    value = np.ones((2, 3), dtype=np.float16)
    store.put("abcd", value)
    store.path("abcd").write_bytes(store.path("abcd").read_bytes()[:-4])
    assert store.get("abcd") is None
    (tmp_path / "ab" / ".abce.npy.tmp.1").write_bytes(b"half")
    assert store.get("abce") is None
    store.put("abcd", value)
    assert np.array_equal(store.get("abcd"), value)


def test_limit_counts_what_earlier_runs_stored(tmp_path):
    value = np.zeros(1000, dtype=np.float16)
    FeatureStore(tmp_path, GB).put("aa", value)
    store = FeatureStore(tmp_path, 3000)  # 2128 bytes are taken
    store.put("bb", value)
    assert store.get("bb") is None
    assert store.turned_away == 1


def test_large_features_keep_single_precision(whisper):
    class Loud:
        num_states = 1

        def run(self, wav, lengths, depth):
            from espnet2_ext.ssl.blocks import States

            return States(None, [torch.full((1, 50, 2), 1e5)], lengths)

    module, _ = whisper.extract.on(torch.device("cpu"))
    whisper.extract._loaded = (module, Loud())
    assert whisper.features(noise(16000)[0][0]).max() == 1e5


def test_another_checkpoint_has_another_store(checkpoints, tmp_path):
    path = tmp_path / "w.pt"
    path.write_bytes(checkpoints["wavlm_local"].read_bytes())
    spec = UpstreamSpec("wavlm_local", str(path), tag="w")
    first = StoredUpstream(spec, tmp_path, GB).key
    moved = tmp_path / "moved.pt"
    moved.write_bytes(path.read_bytes())
    same = UpstreamSpec("wavlm_local", str(moved), tag="other tag")
    assert StoredUpstream(same, tmp_path, GB).key == first
    state = torch.load(path)
    state["model"]["layer_norm.weight"] += 1
    torch.save(state, path)
    assert StoredUpstream(spec, tmp_path, GB).key != first


def test_upstream_is_read_from_a_fragment_or_a_name(tmp_path):
    fragment = tmp_path / "mine.yaml"
    conf = {"upstream": "wavlm_local", "path_or_url": "w.pt", "layers": "all"}
    fragment.write_text(yaml.safe_dump({"name": "ssl", "conf": conf, "wrapper": "x"}))
    spec = read_upstream(str(fragment))
    assert (spec.tag, spec.upstream, spec.path_or_url) == (
        "mine",
        "wavlm_local",
        "w.pt",
    )
    assert read_upstream("fbank") == UpstreamSpec("fbank")
    fragment.write_text("name: ssl\nconf: {layers: all}")
    with pytest.raises(UserError, match="found upstream None; expected a name"):
        read_upstream(str(fragment))
    with pytest.raises(UserError, match=r"lost.yaml: cannot be read"):
        read_upstream("lost.yaml")


def test_shape_of_a_store_says_what_it_is(whisper):
    shape = json.loads((whisper.store.directory / "upstream.json").read_text())
    assert (shape["num_layers"], shape["hidden_size"], shape["stride"]) == (5, 384, 320)
    assert shape["upstream"] == "whisper_tiny_en"
