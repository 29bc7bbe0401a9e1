#!/usr/bin/env bash
# Train a base system on permissively licensed speech, mixed on the fly with computed noise in
# simulated rooms: how `se_debian_small`, which this package ships, was made.
#   run.sh          about an hour and a half on 2 CPU cores
#   run.sh --help   all options; those given here override the ones below
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./enh_ssl.sh \
    --train_set train --valid_set valid --test_sets valid --audio_format wav \
    --enh_config conf/tuning/train_enh_tcn_base_snr.yaml \
    --inference_model valid.loss.ave_5best.pth --scoring_metrics "SI_SNR PESQ_WB ESTOI P808" \
    --ngpu "$((ngpu > 0))" "$@"
