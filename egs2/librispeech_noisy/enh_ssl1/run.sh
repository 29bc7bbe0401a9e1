#!/usr/bin/env bash
# Noisy LibriSpeech: does a loss on speech representations help? Speech and noise are your own
# (db.sh); training mixes on the fly, with noise that no test has.
#   run.sh                       Conv-TasNet by the SNR loss; + log-mel (control); + WavLM Base+
#   run.sh --separator bsrnn     BSRNN by the multi-resolution L1 loss, with the same two
#   run.sh --train_parts "train-clean-100 train-clean-360" --rooms true
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

separator=convtasnet         # convtasnet or bsrnn
upstream=wavlm_base_plus     # in the loss: a name of conf/tuning/train_enh_*_<upstream>.yaml
train_parts=train-clean-100  # of LibriSpeech
train_noise="wham musan"     # any of: dns wham musan demand
test_noise=demand            # others of these; test_seen has other files of the first
rooms=false                  # train half of the utterances in rooms of RIRS_NOISES
## end of options
pass_on=true # the options of enh_ssl.sh, which override those below
. utils/parse_options.sh

case "${separator}" in
    convtasnet) config=conf/tuning/train_enh_convtasnet_snr label=SE-SNR ;;
    bsrnn) config=conf/tuning/train_enh_bsrnn_mr_l1 label=SE-MRL1 ;;
    *) echo "run.sh: found --separator '${separator}'; expected convtasnet or bsrnn" >&2 && exit 1 ;;
esac
sets="--train_parts ${train_parts// /,} --train_noise ${train_noise// /,} --rooms ${rooms}"
sets+=" ${test_noise:+--test_noise ${test_noise// /,}}"
in_rooms=""
! "${rooms}" || in_rooms="--preprocessor_conf rir_prob=0.5 \
--preprocessor_conf rir_scp=data/noise_train/rirs.scp"
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./enh_ssl.sh \
    --train_set train --valid_set valid --test_sets "test_seen${test_noise:+ test_unseen}" \
    --local_data_opts "${sets}" --eval_valid_set false \
    --fs 16k --audio_format flac --max_wav_duration 30 --enh_args "${in_rooms}" \
    --enh_config "${config}.yaml ${config}_fbank.yaml ${config}_${upstream}.yaml" \
    --enh_label "${label} ${label}+log-mel ${label}+SSL" --observation_adding 0.1 \
    --inference_model valid.loss.best.pth --ngpu "$((ngpu > 0))" \
    --scoring_metrics "SI_SNR SDR PESQ_WB ESTOI DNSMOS P808 LPS SPK_SIM" \
    --recognisers whisper_tiny_en --ssl_conf conf/ssl/wavlm_base_plus.yaml "$@"
