"""K-means units as targets of masked prediction (HuBERT, Hsu et al., 2021, section 2).

One unit a frame of the model to be trained: its convolutions see 25 ms every 20 ms and
pad nothing, which gives ``(T - 400) // 320 + 1`` frames of T samples at 16 kHz. MFCCs
are taken on the same frames, so that no label has to be thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from espnet2_ext.errors import UserError
from espnet2_ext.fileio.audio import read_audio
from espnet2_ext.fileio.checkpoint import load_weights
from espnet2_ext.fileio.yaml import read_yaml
from espnet2_ext.train.arguments import blame

FS, WINDOW, SHIFT = 16000, 400, 320  # Hz, samples, samples
BATCH = 10000  # frames of a step of mini-batch k-means

ComputeFeatures = Callable[[torch.Tensor], torch.Tensor]  # (T,) -> (F, D)


def mfcc(wav: torch.Tensor) -> torch.Tensor:
    """Give 13 MFCCs with first and second differences: (T,) -> (F, 39)."""
    from torchaudio.compliance import kaldi
    from torchaudio.functional import compute_deltas

    static = kaldi.mfcc(
        wav.unsqueeze(0) * 2**15,  # Kaldi's scale
        sample_frequency=FS,
        frame_length=1000 * WINDOW / FS,
        frame_shift=1000 * SHIFT / FS,
        use_energy=False,
        dither=0.0,
    ).T
    delta = compute_deltas(static)
    return torch.cat([static, delta, compute_deltas(delta)]).T


def hubert_features(exp_dir: Path, model_file: str, layer: int) -> ComputeFeatures:
    """Give the output of a block of a model that ESPnet's HubertTask has trained.

    Args:
        exp_dir: the experiment, with config.yaml.
        model_file: checkpoint within it.
        layer: number of the block, from 1.

    Raises:
        UserError: if the files are missing or no such model, or there is no such block.
    """
    from espnet2_ext.tasks.hubert import HubertTask

    for path in (exp_dir / "config.yaml", exp_dir / model_file):
        if not path.is_file():
            raise UserError(
                f"{path}: no such file; expected a trained model; train it first."
            )
    config, weights = exp_dir / "config.yaml", exp_dir / model_file
    read_yaml(config)
    load_weights(weights, str(weights))
    with blame(f"{config} and {model_file}"):
        model, _ = HubertTask.build_model_from_file(config, weights, "cpu")
        if not hasattr(model.encoder, "hubert_pretrain_model"):
            raise ValueError(f"its encoder is {type(model.encoder).__name__}")
    wav2vec2 = model.encoder.hubert_pretrain_model.wav2vec2.eval()
    blocks = len(wav2vec2.encoder.transformer.layers)
    if not 1 <= layer <= blocks:
        raise UserError(f"layer: found {layer}, expected 1 to {blocks} in {exp_dir}.")

    def features(wav: torch.Tensor) -> torch.Tensor:
        states, _ = wav2vec2.extract_features(wav.unsqueeze(0), num_layers=layer)
        return states[-1].squeeze(0)

    return features


def extract(utt: str, source: str, features: ComputeFeatures) -> np.ndarray:
    """Read an utterance and give its features, (F, D) float32.

    Raises:
        UserError: if it cannot be read, has another rate, or is below one frame.
    """
    wav, fs = read_audio(source)
    if fs != FS or wav.ndim != 1 or len(wav) < WINDOW:
        raise UserError(
            f"{utt}: found {source} with {fs} Hz and shape {wav.shape}; expected mono "
            f"audio of {FS} Hz and at least {WINDOW} samples."
        )
    with torch.no_grad():
        frames = features(torch.from_numpy(wav))
    expected = (len(wav) - WINDOW) // SHIFT + 1
    if len(frames) != expected:
        raise UserError(
            f"{utt}: found {len(frames)} frames of {len(wav)} samples; expected "
            f"{expected}, one every {SHIFT}: this model has another frame rate."
        )
    return frames.float().numpy()


def learn_kmeans(frames: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Learn centroids by mini-batch k-means with k-means++: (N, D) -> (K, D).

    Raises:
        UserError: if there are fewer frames than clusters.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(frames) < n_clusters:
        raise UserError(
            f"found {len(frames)} frames for {n_clusters} clusters; expected at least "
            "as many; raise --portion or lower --n_clusters."
        )
    learner = MiniBatchKMeans(
        n_clusters, batch_size=BATCH, max_iter=100, n_init=5, random_state=seed
    )
    return learner.fit(frames).cluster_centers_.astype(np.float32)


def units(frames: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Give the nearest centroid of each frame: (F, D), (K, D) -> (F,)."""
    from sklearn.metrics import pairwise_distances_argmin

    return pairwise_distances_argmin(frames, centroids)
