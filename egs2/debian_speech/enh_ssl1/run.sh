#!/usr/bin/env bash
# Does a loss on speech representations help? Real speech and noise out of Debian packages.
#   run.sh                 the demo: a small corpus, minutes of training on 2 CPU cores
#   run.sh --budget full   the experiment: more data, Conv-TasNet, three seeds
#   run.sh --help          all options; those given here override the ones below
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

budget=demo
if [ "${1:-}" = --budget ]; then budget=${2:-} && shift 2; fi
case "${budget}" in
    demo)
        separator=tcn seeds=0 test_sets=test_en
        data_opts="--corpus_size small --max_test_utts 36"
        ;;
    full)
        separator=convtasnet seeds="0 1 2" test_sets="test_en test_spk2"
        data_opts="--corpus_size core"
        ;;
    *) echo "run.sh: found --budget '${budget}'; expected demo or full" >&2 && exit 1 ;;
esac
ngpu=$(nvidia-smi -L 2> /dev/null | grep -c '^GPU' || true)

./enh_ssl.sh \
    --train_set train --valid_set valid --test_sets "${test_sets}" \
    --local_data_opts "${data_opts}" --audio_format wav --max_wav_duration 30 \
    --enh_config "conf/tuning/train_enh_${separator}_snr.yaml conf/tuning/train_enh_${separator}_snr_whisper.yaml" \
    --enh_label "SE-SNR SE-SNR+SSL" --seeds "${seeds}" \
    --ngpu "$((ngpu > 0))" --inference_model valid.loss.best.pth \
    --recognisers "pocketsphinx whisper_tiny_en" --ssl_conf conf/ssl/whisper_tiny_en.yaml \
    --skip_packing false "$@"
