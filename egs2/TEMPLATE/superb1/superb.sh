#!/usr/bin/env bash
# SUPERB tasks as judges of enhancement: probes trained on clean speech hear clean, noisy and
# enhanced test sets. Stage numbers, option names and file names are those of enh_ssl.sh; the
# systems were trained elsewhere. Stages: 0 environment, 1 data, 2 noisy test set, 3 format,
# 7 enhance, 8 score, 13 train probes, 14 evaluate probes, 15 report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General
stage=0                     # first stage to run
stop_stage=10000            # last stage to run
skip_data_prep=false        # leave out stages 1-3
skip_eval=false             # leave out stages 7, 8 and 15
skip_downstream=false       # leave out stages 13 and 14
dry_run=false               # print the commands, run nothing
resume_jobs=true            # repeat only the unfinished jobs of a stage that was broken off
ngpu=1                      # GPUs for the probes; 0: CPU
nj=                         # parallel jobs; empty: processors with the local backend, else 32
inference_nj=               # jobs per system in stages 7 and 8; empty: nj shared out
gpu_inference=false         # enhance on a GPU
train_threads=              # CPU threads of the probes; empty: all (local, --ngpu 0)
dumpdir=dump                # formatted data
expdir=exp                  # systems, probes, results
python=${PYTHON:-python3}   # interpreter, may be several words
## Data
superb_tasks="asr pr ks ic sid asv er sf sd" # any of them
superb_dir=data/superb      # <task>/{train,valid,test}.csv of clean speech
local_data_opts=            # options for local/data.sh
noise_corpora=              # any of: dns wham musan demand
snr="0 5 10"                # dB; each test utterance gets one of them
noise_seed=0                # of the choice of noise and SNR
superb_test_set=test_superb # in data/: the noisy twin of all test audio
audio_format=wav            # wav or flac
fs=16k                      # sampling rate; s3prl's upstreams take nothing else
## Systems
enh_exps=                   # experiment directories of trained systems, anywhere: only read
enh_label=                  # printed names, as many as systems; empty: names of the directories
inference_model=valid.loss.best.pth # model file within each
inference_args="--normalize_output_wav false --output_format wav" # for enh_inference
inference_enh_config=       # YAML that overrides the separator for inference
observation_adding=         # e.g. "0.1 0.3": w, for rows (1-w) enhanced + w noisy after each system
denoisers=                  # rows: se_debian_small, rnnoise nsnet2 dtln deepfilternet noisereduce
## Probes and scores
superb_upstreams=conf/ssl/wavlm_base_plus.yaml # YAMLs of conf/ssl or s3prl names: what probes hear
superb_conf=conf/superb     # directory of <task>.yaml: changes of s3prl's hyper-parameters
scoring_metrics=            # of the enhanced test audio; empty: all but STOI
report_by=                  # tables by files of a set, e.g. "utt2noise utt2dur"; empty: utt2snr
## end of options

. steps/all.sh

stage_1_data() {
    prepare_data --superb_tasks "${superb_tasks}" --superb_dir "${superb_dir}"
}

stage_2_noisy_test_set() {
    local task csvs=()
    run local/noise.sh --noise_corpora "${noise_corpora}" --noise_dir data/noise
    for task in ${superb_tasks}; do csvs+=("${superb_dir}/${task}/test.csv"); done
    # it keeps what is complete and the same
    run "${py[@]}" -m espnet2_ext.bin.make_noisy_set --csv "${csvs[@]}" \
        --noise_scp data/noise/noise.scp --utt2type data/noise/utt2type \
        --snr "${snr}" --seed "${noise_seed}" --out_dir "data/${superb_test_set}"
}

stage_3_format() {
    check_data "${superb_test_set}"
    format_set "${superb_test_set}" "${raw}/${superb_test_set}" "wav spk1"
}

stage_7_enhance() {
    local exps # the models go under exp/ of this recipe, which is where outputs go
    read -ra exps <<< "${enh_exps}"
    run "${py[@]}" -m espnet2_ext.bin.link_systems --expdir "${expdir}" \
        --model_file "${inference_model}" "${exps[@]}"
    enhance_sets "${audio_format}" "${superb_test_set}"
}

stage_8_score() { score_sets "${tests[@]}"; }
stage_13_train_probes() { train_probes; }
stage_14_evaluate_probes() { ! wants_probes || evaluate_probes; }

stage_15_report() {
    report "${superb_test_set}" --superb_dir "${expdir}/superb" --superb_tasks "${superb_tasks}"
}

main() {
    begin superb "$@"
    tests=("${superb_test_set}")
    # what the shared steps ask for, and is fixed here
    ref_num=1 recognisers="" ssl_conf="" local_superb_opts=""
    run_stages 0 15
}

main "$@"
