"""Units: their frames are the model's, their centroids are k-means'."""

import numpy as np
import pytest
import torch

from espnet2_ext.bin import kmeans_labels
from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import write_audio
from espnet2_ext.fileio.scp import read_scp, write_scp
from espnet2_ext.hubert.kmeans import (
    extract,
    hubert_features,
    learn_kmeans,
    mfcc,
    units,
)
from tests.hubert.test_convert import SIZE, trained


def noise(samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (0.1 * torch.randn(samples, generator=generator)).numpy()


@pytest.mark.parametrize("samples", [400, 719, 720, 16000, 16001])
def test_mfcc_frames_are_those_of_the_model_to_be_trained(tmp_path, samples):
    from espnet2.asr.encoder.hubert_encoder import TorchAudioHuBERTPretrainEncoder

    write_audio(tmp_path / "a.wav", noise(samples), 16000)
    found = extract("a", str(tmp_path / "a.wav"), mfcc)
    encoder = TorchAudioHuBERTPretrainEncoder(input_size=1, num_classes=5, **SIZE)
    frames, _ = encoder.hubert_pretrain_model.wav2vec2.feature_extractor(
        torch.zeros(1, samples), None
    )
    assert found.shape == (frames.size(1), 39)


def test_clusters_that_are_there_are_found():
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0], [10, 0], [0, 10]])
    truth = rng.integers(3, size=600)
    frames = (centres[truth] + rng.normal(size=(600, 2))).astype(np.float32)
    centroids = learn_kmeans(frames, 3, seed=0)
    order = units(centres.astype(np.float32), centroids)  # ours of each true one
    assert sorted(order) == [0, 1, 2]
    assert np.abs(centroids[order] - centres).max() < 0.3
    assert (units(frames, centroids) == order[truth]).mean() > 0.99


def test_unit_is_the_nearest_centroid():
    centroids = np.array([[0.0], [1.0], [5.0]])
    assert units(np.array([[0.4], [0.6], [2.9], [3.1]]), centroids).tolist() == [
        *(0, 1, 1, 2)
    ]


def test_fewer_frames_than_clusters_are_refused():
    with pytest.raises(UserError, match="found 3 frames for 4 clusters"):
        learn_kmeans(np.zeros((3, 2), np.float32), 4, seed=0)


def test_block_of_the_model_before_is_clustered(tmp_path):
    model = trained(tmp_path, {**SIZE, "extractor_mode": "layer_norm"})
    conf = (tmp_path / "config.yaml").read_text()
    more = "model: torchaudio\ninput_size: 1\nfrontend: null\nnormalize: null\n"
    more += "specaug: null\npreencoder: null\nmodel_conf: {}\ntoken_list: ['0']\n"
    (tmp_path / "config.yaml").write_text(
        conf + more + "num_classes: 7\ninit: null\nfrontend_conf: {}\n"
    )
    weights = torch.load(tmp_path / "valid.loss.best.pth")
    torch.save(weights, tmp_path / "valid.loss.best.pth")
    wav = torch.from_numpy(noise(4000))
    found = hubert_features(tmp_path, "valid.loss.best.pth", 1)(wav)
    with torch.no_grad():
        expected, _ = model.extract_features(wav[None])
    torch.testing.assert_close(found, expected[0][0])
    with pytest.raises(UserError, match="layer: found 3, expected 1 to 2"):
        hubert_features(tmp_path, "valid.loss.best.pth", 3)


@pytest.fixture
def scps(tmp_path):
    for name, count in (("train", 6), ("valid", 2)):
        table = {}
        for n in range(count):
            path = tmp_path / f"{name}{n}.wav"
            write_audio(path, noise(8000 + 160 * n, n + 10 * count), 16000)
            table[f"{name}{n}"] = path
        write_scp(tmp_path / f"{name}.scp", table)
    return tmp_path


def run(folder, *words):
    where = {f"--{n}_scp": folder / f"{n}.scp" for n in ("train", "valid")}
    args = [word for pair in where.items() for word in pair]
    args += ["--out_dir", folder / "km", "--n_clusters", 5, *words]
    kmeans_labels.main([str(arg) for arg in args])


def test_every_utterance_has_a_unit_for_each_frame(scps):
    run(scps)
    centroids = np.load(scps / "km/centroids.npy")
    assert centroids.shape == (5, 39)
    for name in ("train", "valid"):
        sources = read_scp(scps / f"{name}.scp")
        labels = read_scp(scps / f"km/{name}.km")
        assert list(labels) == list(sources)
        for utt, line in labels.items():
            frames = extract(utt, sources[utt], mfcc)
            assert line == " ".join(map(str, units(frames, centroids)))
    assert (scps / "km/tokens.txt").read_text() == "0\n1\n2\n3\n4\n"


def test_same_seed_gives_the_same_units_and_portion_other_ones(scps):
    run(scps)
    first = (scps / "km/centroids.npy").read_bytes()
    run(scps)
    assert (scps / "km/centroids.npy").read_bytes() == first
    run(scps, "--portion", "0.4")
    assert (scps / "km/centroids.npy").read_bytes() != first


def test_centroids_serve_the_unit_loss(scps):
    from espnet2_ext.enh.loss.centroids import read_centroids

    run(scps)
    assert read_centroids("centroids", str(scps / "km/centroids.npy")).shape == (5, 39)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--portion", "0"], "found --portion 0.0"),
        (["--n_clusters", "1"], "--n_clusters 1"),
        (["--feature", "hubert"], "found no --model_dir"),
    ],
)
def test_option_without_sense_is_refused(scps, words, message):
    with pytest.raises(UserError, match=message):
        run(scps, *words)


def test_audio_of_another_rate_or_too_short_names_the_utterance(scps):
    write_audio(scps / "train0.wav", noise(8000), 8000)
    with pytest.raises(UserError, match=r"train0: found .*8000 Hz"):
        run(scps)
    write_audio(scps / "train0.wav", noise(399), 16000)
    with pytest.raises(UserError, match=r"train0: found .*\(399,\)"):
        run(scps)
