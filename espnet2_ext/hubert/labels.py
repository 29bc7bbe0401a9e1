"""The k-means unit of each frame of two sets, written for HuBERT's training."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2_ext.fileio.scp import atomic_write, write_scp
from espnet2_ext.hubert.kmeans import ComputeFeatures, extract, learn_kmeans, units


def write_labels(
    train: Mapping[str, str],
    valid: Mapping[str, str],
    features: ComputeFeatures,
    out_dir: Path,
    *,
    n_clusters: int,
    portion: float,
    seed: int,
) -> None:
    """Learn centroids on ``train`` (id -> audio), and label both sets.

    Args:
        train, valid: id -> audio.
        features: what is clustered.
        out_dir: gets centroids.npy (K, D), tokens.txt, train.km and valid.km.
        n_clusters: K.
        portion: share of the utterances of ``train`` that k-means learns from.
        seed: of that choice and of k-means.

    Raises:
        UserError: if audio does not fit, or there are fewer frames than clusters.
    """
    frames = dict(_extract_all(train, features, "features of train"))
    learned = _choose(frames, portion, seed)
    print(f"k-means: {n_clusters} clusters, {learned.shape} frames", flush=True)
    centroids = learn_kmeans(learned, n_clusters, seed)
    buffer = io.BytesIO()
    np.save(buffer, centroids)
    with atomic_write(out_dir / "centroids.npy", "wb") as stream:
        stream.write(buffer.getvalue())
    with atomic_write(out_dir / "tokens.txt") as stream:
        stream.writelines(f"{unit}\n" for unit in range(n_clusters))
    sets = {"train": frames.items(), "valid": _extract_all(valid, features, "valid")}
    for name, items in sets.items():
        table = {u: " ".join(map(str, units(x, centroids))) for u, x in items}
        write_scp(out_dir / f"{name}.km", table)


def _choose(frames: Mapping[str, np.ndarray], portion: float, seed: int) -> np.ndarray:
    count = max(1, round(portion * len(frames)))
    chosen = random.Random(seed).sample(sorted(frames), count)
    return np.concatenate([frames[utt] for utt in chosen])


def _extract_all(
    table: Mapping[str, str], features: ComputeFeatures, name: str
) -> Iterator[tuple[str, np.ndarray]]:
    for utt, source in tqdm(table.items(), name, mininterval=2):
        yield utt, extract(utt, source, features)
