#!/usr/bin/env bash
# SUPERB under noise: does enhancement help the tasks of SUPERB, and which loss helps more?
#   run.sh --enh_exps "DIR DIR" --noise_corpora "musan demand"
#   run.sh --help     all options; those given here override the ones below
# The corpora are those of db.sh; README.md says which task needs which.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

superb_tasks="asr pr ks ic sid asv er sf sd"
noise_corpora="wham demand"
snr="0 5 10"
# What the probes listen to: the upstream of the loss, and one that it has not seen.
superb_upstreams="conf/ssl/wavlm_base_plus.yaml conf/ssl/hubert_base.yaml"
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./superb.sh \
    --superb_tasks "${superb_tasks}" \
    --noise_corpora "${noise_corpora}" --snr "${snr}" \
    --superb_upstreams "${superb_upstreams}" \
    --ngpu "$((ngpu > 0))" \
    "$@"
