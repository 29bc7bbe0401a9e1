#!/usr/bin/env bash
# Libri2Mix, one speaker and noise (mix_single): does a loss on speech representations help?
# The corpus is your own (db.sh); with LIBRISPEECH there are words to recognise.
#   run.sh                     Conv-TasNet by the SNR loss; + log-mel (the control); + WavLM Base+
#   run.sh --local_data_opts "--train_part train-360"
#   run.sh --separator bsrnn   BSRNN by the multi-resolution L1 loss, with the same two
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

separator=convtasnet     # convtasnet or bsrnn
upstream=wavlm_base_plus # in the loss: a name of conf/tuning/train_enh_*_<upstream>.yaml
## end of options
pass_on=true # the options of enh_ssl.sh, which override those below
. utils/parse_options.sh

case "${separator}" in
    convtasnet) config=conf/tuning/train_enh_convtasnet_snr label=SE-SNR ;;
    bsrnn) config=conf/tuning/train_enh_bsrnn_mr_l1 label=SE-MRL1 ;;
    *) echo "run.sh: found --separator '${separator}'; expected convtasnet or bsrnn" >&2 && exit 1 ;;
esac
. ./db.sh
recognisers=${LIBRISPEECH:+whisper_tiny_en} # they need transcripts
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./enh_ssl.sh \
    --train_set train --valid_set valid --test_sets test --eval_valid_set false \
    --fs 16k --audio_format flac --max_wav_duration 30 \
    --enh_config "${config}.yaml ${config}_fbank.yaml ${config}_${upstream}.yaml" \
    --enh_label "${label} ${label}+log-mel ${label}+SSL" --observation_adding 0.1 \
    --inference_model valid.loss.best.pth --ngpu "$((ngpu > 0))" \
    --scoring_metrics "SI_SNR SDR PESQ_WB ESTOI DNSMOS P808 LPS SPK_SIM" \
    --recognisers "${recognisers}" --ssl_conf conf/ssl/wavlm_base_plus.yaml "$@"
