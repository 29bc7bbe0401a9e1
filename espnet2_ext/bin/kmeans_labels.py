"""Cluster the frames of speech and write the unit of each: targets of HuBERT.

``--out_dir`` gets ``centroids.npy`` (K, D), which `distance: unit_cross_entropy` takes
as well, ``train.km`` and ``valid.km`` (ID UNIT UNIT ...) and ``tokens.txt``.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import atomic_write, read_scp, write_scp
from espnet2_ext.hubert.kmeans import (
    ComputeFeatures,
    extract,
    hubert_features,
    learn_kmeans,
    mfcc,
    units,
)


def get_parser() -> argparse.ArgumentParser:
    """Describe the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--train_scp", required=True, help="ID PATH, the audio to cluster")
    add("--valid_scp", required=True, help="ID PATH, audio that only gets labels")
    add("--feature", choices=("mfcc", "hubert"), default="mfcc")
    add("--model_dir", type=Path, help="hubert: experiment of the iteration before")
    add("--model_file", default="valid.loss.best.pth", help="hubert: its checkpoint")
    add("--layer", type=int, default=0, help="hubert: number of the block, from 1")
    add("--n_clusters", type=int, default=100)
    add("--portion", type=float, default=1.0, help="of train that k-means learns from")
    add("--seed", type=int, default=0)
    add("--out_dir", required=True, type=Path)
    return parser


def _features(args: argparse.Namespace) -> ComputeFeatures:
    if args.feature == "mfcc":
        return mfcc
    if args.model_dir is None:
        raise UserError("--feature hubert: found no --model_dir; expected it.")
    return hubert_features(args.model_dir, args.model_file, args.layer)


def _extract_all(
    table: Mapping[str, str], features: ComputeFeatures, name: str
) -> Iterator[tuple[str, np.ndarray]]:
    for utt, source in tqdm(table.items(), name, mininterval=2):
        yield utt, extract(utt, source, features)


def main(argv: Sequence[str] | None = None) -> None:
    """Learn on train, label train and valid."""
    args = get_parser().parse_args(argv)
    if not 0 < args.portion <= 1 or args.n_clusters < 2:
        raise UserError(
            f"found --portion {args.portion} --n_clusters {args.n_clusters}; expected "
            "a portion above 0 and up to 1, and 2 clusters or more."
        )
    features = _features(args)
    train, valid = read_scp(args.train_scp), read_scp(args.valid_scp)
    frames = dict(_extract_all(train, features, "features of train"))
    count = max(1, round(args.portion * len(frames)))
    chosen = random.Random(args.seed).sample(sorted(frames), count)
    learned = np.concatenate([frames[utt] for utt in chosen])
    print(f"k-means: {args.n_clusters} clusters, {learned.shape} frames", flush=True)
    centroids = learn_kmeans(learned, args.n_clusters, args.seed)
    buffer = io.BytesIO()
    np.save(buffer, centroids)
    with atomic_write(args.out_dir / "centroids.npy", "wb") as stream:
        stream.write(buffer.getvalue())
    with atomic_write(args.out_dir / "tokens.txt") as stream:
        stream.writelines(f"{unit}\n" for unit in range(args.n_clusters))
    sets = {"train": frames.items(), "valid": _extract_all(valid, features, "valid")}
    for name, items in sets.items():
        table = {u: " ".join(map(str, units(x, centroids))) for u, x in items}
        write_scp(args.out_dir / f"{name}.km", table)


if __name__ == "__main__":
    run_main(main)
