#!/usr/bin/env bash
# Does a loss on speech representations help? Real speech and noise out of Debian packages.
#   run.sh                    the demo: a small corpus, minutes of training on 2 CPU cores
#   run.sh --budget full      the experiment: more data, training in two stages, three seeds
#   run.sh --stage 9 --downstream demo   afterwards: seven tasks, an ESPnet recogniser
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

budget=demo # demo or full
separator=  # another network: tcn tcn_warm tcn_large_warm convtasnet_small convtasnet dtln
upstream=   # in the loss: whisper whisper_early hubert both (conf/tuning: for which networks)
downstream= # tasks: quick (three), demo (seven) or full; empty: by the budget, quick or demo
## end of options
pass_on=true # the options of enh_ssl.sh, which override those below
. utils/parse_options.sh
. conf/budgets.sh # what these four stand for
first="" # NAME_warm goes on from NAME_long; an --enh_config given here says that by itself
[[ ${network} != *_warm || ${*//-/_} == *__enh_config* ]] || first=${snr%_warm_snr}_long_snr.yaml
asr_exp=../asr1/exp/asr_train_asr_fbank_conformer_ctc_raw_ru_char # made by ../asr1/run.sh
[[ -d ${asr_exp} && ${tasks} != quick ]] || asr_exp=""
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

exec ./enh_ssl.sh \
    --train_set train --valid_set valid --test_sets "test_en test_out" --eval_valid_set false \
    --local_data_opts "--corpus_size ${size}" --audio_format wav --max_wav_duration 30 \
    --enh_config "${configs}" --init_config "${first}" \
    --enh_label "${labels}" --seeds "${seeds}" --observation_adding 0.1 \
    --train_jobs 2 --ngpu "$((ngpu > 0))" --inference_model valid.loss.best.pth \
    --scoring_metrics "SI_SNR PESQ_WB ESTOI P808 LPS SPK_SIM" --recognisers whisper_tiny_en \
    --ssl_conf "conf/ssl/whisper_tiny_en.yaml conf/ssl/hubert_debian_small.yaml" \
    --local_superb_opts "--superb_size ${tasks}" --superb_tasks "${probes}" \
    --superb_upstreams "conf/ssl/whisper_tiny_en.yaml conf/ssl/hubert_debian_small.yaml${more}" \
    --superb_conf "conf/superb/${heads}" \
    --asr_exp "${asr_exp}" --inference_asr_model valid.cer_ctc.ave.pth \
    --inference_asr_config ../asr1/conf/decode_asr_ctc.yaml --asr_test_sets test_ru \
    --skip_packing false "$@"
