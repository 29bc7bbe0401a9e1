#!/usr/bin/env bash
# Pre-train a compact HuBERT on permissively licensed speech out of Debian packages: how
# the upstream `hubert_debian_small`, which this package ships, was made.
#   run.sh          about an hour on 2 CPU cores
#   run.sh --help   all options; those given here override the ones below
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

iterations="conf/tuning/train_hubert_small_iter0.yaml conf/tuning/train_hubert_small_iter1.yaml"
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./hubert.sh \
    --train_set train --valid_set valid --audio_format wav \
    --train_stop_iter 1 --features_km "mfcc hubert" --layers_km "0 3" --n_clusters "100 200" \
    --train_configs "${iterations}" \
    --warm_start true --ngpu "$((ngpu > 0))" "$@"
