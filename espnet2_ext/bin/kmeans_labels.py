"""Cluster the frames of speech and write the unit of each: targets of HuBERT.

``--out_dir`` gets ``centroids.npy`` (K, D), which `distance: unit_cross_entropy` takes
as well, ``train.km`` and ``valid.km`` (ID UNIT UNIT ...) and ``tokens.txt``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from espnet2_ext.errors import UserError, run_main
from espnet2_ext.fileio.scp import read_scp
from espnet2_ext.hubert.kmeans import ComputeFeatures, hubert_features, mfcc
from espnet2_ext.hubert.labels import write_labels


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


def main(argv: Sequence[str] | None = None) -> None:
    """Learn on train, label train and valid."""
    args = get_parser().parse_args(argv)
    if not 0 < args.portion <= 1 or args.n_clusters < 2:
        raise UserError(
            f"found --portion {args.portion} --n_clusters {args.n_clusters}; expected "
            "a portion above 0 and up to 1, and 2 clusters or more."
        )
    if args.feature == "mfcc":
        features: ComputeFeatures = mfcc
    elif args.model_dir is None:
        raise UserError("--feature hubert: found no --model_dir; expected it.")
    else:
        features = hubert_features(args.model_dir, args.model_file, args.layer)
    write_labels(
        read_scp(args.train_scp),
        read_scp(args.valid_scp),
        features,
        args.out_dir,
        n_clusters=args.n_clusters,
        portion=args.portion,
        seed=args.seed,
    )


if __name__ == "__main__":
    run_main(main)
