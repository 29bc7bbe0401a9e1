#!/usr/bin/env bash
# Train, apply and score speech enhancement with an SSL-representation loss, in stages.
# Stage numbers 1-12, option names and file names are those of ESPnet's enh.sh.
# Stages: 0 environment, 1 data, 2 speed, 3 format, 4 filter, 5 statistics, 6 train, 7 enhance,
# 8 score, 9 recognise, 10 score words, 11 pack, 12 upload, 13 train probes, 14 evaluate probes,
# 15 report.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General
stage=0                     # first stage to run (ESPnet: 1; 0 makes the environment)
stop_stage=10000            # last stage to run
skip_data_prep=false        # leave out stages 1-4
skip_train=false            # leave out stages 5-6
skip_eval=false             # leave out stages 7, 8 and 15
skip_packing=true           # leave out stage 11
skip_upload_hf=true         # leave out stage 12
skip_downstream=false       # leave out stages 9, 10, 13 and 14
dry_run=false               # print the commands, run nothing
resume_jobs=true            # repeat only the unfinished jobs of a stage that was broken off
ngpu=1                      # GPUs for training per node; 0: CPU
num_nodes=1                 # nodes for training
nj=                         # parallel jobs; empty: processors if local, else 32 (ESPnet: 32)
inference_nj=               # jobs per test set in stages 7 and 8; empty: nj shared out (ESPnet: 32)
gpu_inference=false         # enhance on a GPU
dumpdir=dump                # formatted data
expdir=exp                  # experiments, reports
python=${PYTHON:-python3}   # interpreter, may be several words
## Data
train_set=                  # name of the training set in data/
valid_set=                  # name of the validation set
test_sets=                  # names of the test sets
eval_valid_set=true         # stages 7, 8 and 15 take the validation set, too, as in ESPnet
local_data_opts=            # options for local/data.sh
speed_perturb_factors=      # e.g. "0.9 1.0 1.1"; training then uses <train_set>_sp
audio_format=flac           # wav, flac, wav.ark or flac.ark
fs=16k                      # sampling rate
min_wav_duration=0.1        # seconds; shorter training utterances are left out
max_wav_duration=20         # seconds; longer ones too
ref_num=1                   # reference signals spk1..spkN (ESPnet: 2)
use_noise_ref=false         # noise1.scp ... as training references
noise_type_num=1            # how many of them
use_dereverb_ref=false      # dereverb1.scp ... as training references
dereverb_ref_num=1          # how many of them
## Training
enh_config=                 # YAML, or several separated by spaces: one system each
enh_label=                  # printed names of the systems, as many as YAMLs; empty: their tags
enh_tag=                    # suffix of the directory, one per YAML; empty: YAML and arguments
enh_exp=                    # experiment directory itself, one per YAML; empty: made from the tag
enh_args=                   # further training options, e.g. "--max_epoch 10"
seeds=                      # e.g. "0 1 2": an experiment (_seed0 ...) each; empty: one, no suffix
init_config=                # YAML of a first stage, once a seed: all its systems start there
init_param=                 # or a model: path[:source[:target[:exclude]]] with SEED, or se_debian_small
enh_speech_fold_length=800  # batches shrink beyond this length (x 100 samples)
train_jobs=1                # systems trained at the same time
train_threads=              # CPU threads of each; empty: a share of them all (local, --ngpu 0)
## Enhancement and scores
inference_model=valid.loss.ave.pth # model file within the experiment
inference_args="--normalize_output_wav false --output_format wav" # ESPnet: true, loses the level
inference_enh_config=       # YAML that overrides the separator for inference
inference_tag=              # output directory prefix; empty: enhanced, or that YAML's name
scoring_metrics=            # empty: all but STOI, as far as they judge this rate (ESPnet: others)
recognisers=                # e.g. "pocketsphinx whisper_tiny_en" for word error rates; needs text
ssl_conf=                   # conf/ssl/*.yaml whose distances are scored
versa_config=               # YAML of VERSA's metrics, where versa-score is installed
observation_adding=         # e.g. "0.1 0.3": w, for rows (1-w) enhanced + w noisy after each system
denoisers=                  # rows: se_debian_small, rnnoise nsnet2 dtln deepfilternet noisereduce
hf_repo=                    # stage 12: USER/NAME of a model on a hub
report_by=                  # tables by files of a set, e.g. "utt2noise utt2dur"; empty: utt2snr
## Downstream (local/superb_data.sh makes what it needs beside data/, if the recipe has one)
local_superb_opts=          # options for local/superb_data.sh
asr_exp=                    # directory of a trained ESPnet ASR; empty: no stages 9 and 10
asr_model_file=             # or its weights, a packed ESPnet ASR (zip), or a hub's tag of one
asr_config=                 # its configuration, where it is not beside the weights
asr_tag=                    # names the results; empty: made from the recogniser's name
inference_asr_model=valid.acc.ave.pth # weights within asr_exp (ESPnet: valid.acc.best.pth)
inference_asr_config=       # YAML of decoding (beam_size, ctc_weight ...)
inference_asr_args=         # further options of espnet2.bin.asr_inference
asr_test_sets=              # sets to decode; empty: those of test_sets with a text
superb_tasks=               # e.g. "asr pr ks ic sid asv"; empty: no stages 13 and 14
superb_dir=data/superb      # <task>/{train,valid,test}.csv of clean speech
superb_test_set=test_superb # in data/: the noisy twin of all test audio in those
superb_upstreams=           # YAMLs of conf/ssl, s3prl names; NAME=TASK,TASK: some tasks only
superb_conf=                # directory of <task>.yaml: changes of s3prl's hyper-parameters
## end of options
declare stats streams train_streams train_files # named by the plan

. steps/all.sh

stage_1_data() {
    prepare_data
    check_data "${org_train_set}" "${valid_set}" "${tests[@]}"
}

stage_2_speed_perturbation() {
    [ -n "${speed_perturb_factors}" ] \
        || { log "  no --speed_perturb_factors: nothing to do"; return; }
    perturb_speed "${org_train_set}" "${train_set}" "${train_streams}" "${speed_perturb_factors}"
}

stage_3_format() {
    [ ! -e "data/${train_set}/spk$((ref_num + 1)).scp" ] || log "  WARNING: found" \
        "data/${train_set}/spk$((ref_num + 1)).scp, and --ref_num ${ref_num} takes no" \
        "more than ${ref_num}; give --ref_num (ESPnet's default is 2)"
    check_data "${train_set}" "${valid_set}" "${tests[@]}"
    format_sets "${train_streams}" "${streams}" "${tests[@]}"
}

stage_5_statistics() {
    local config print n
    data_flags
    config=$(rows system config | head -n 1)
    config=${config#-}
    print=$(fingerprint "${data_inputs[@]}" --option "${data_args[*]} ${enh_args}" \
        ${config:+--training "${config}"})
    same_apart "${stats}/.stamp" "${print}" && print=$(cat "${stats}/.stamp")
    up_to_date "${stats}/.stamp" "${print}" \
        "${stats}"/{train,valid}/speech_{mix,ref1}_shape && return
    n=$(at_most "${nj}" "$(count_lines "${raw}/${valid_set}/wav.scp")")
    n=$(at_most "${n}" "$(count_lines "${raw}/${train_set}/wav.scp")")
    # shellcheck disable=SC2086 # options are meant to be split
    collect_statistics --skip_sum_stats "${stats}" "${print}" "${n}" 5 \
        -m espnet2_ext.bin.enh_ssl_train "${data_args[@]}" \
        ${config:+--config "${config}"} ${enh_args}
    stamp "${stats}/.stamp" "${print}"
}

data_flags() { # fills data_args, shape_args and data_inputs of training
    local file files
    data_args=() shape_args=() data_inputs=()
    IFS=';' read -ra files <<< "${train_files}"
    for file in utt2category,category,text utt2fs,fs,text_int; do
        [[ ! -e ${raw}/${train_set}/${file%%,*} || ! -e ${raw}/${valid_set}/${file%%,*} ]] \
            || files+=("${file}")
    done
    training_files "${files[@]}"
}

stage_6_train() {
    data_flags
    train_systems first_stage
    train_systems system
}

train_systems() { # KIND: those that are not trained yet; all are checked before one starts
    local label exp seed config start print order=cat
    [ "${train_jobs}" -eq 1 ] || order=tac # losses with a model stand last, and take longest
    while IFS=$'\t' read -r label exp seed config start; do
        seed=${seed#-} config=${config#-} start=${start#-}
        print=$(fingerprint "${data_inputs[@]}" ${config:+--training "${config}"} \
            --option "seed ${seed}" --option "enh_args ${enh_args}" --option "init_param ${start}" \
            ${start:+--input "${start%%:*}"} --option "fold_length ${enh_speech_fold_length}")
        needs_training "${exp}" "${print}" || continue
        # shellcheck disable=SC2086 # enh_args is meant to be split
        start_training "${label}${seed:+ seed ${seed}}" "${exp}" "${print}" 6 \
            -m espnet2_ext.bin.enh_ssl_train "${data_args[@]}" "${shape_args[@]}" \
            ${seed:+--seed "${seed}"} ${start:+--init_param "${start}"} \
            ${config:+--config "${config}"} ${enh_args}
    done < <(rows "$1" label exp seed config start | "${order}")
    wait_jobs "${train_jobs}"
}

stage_7_enhance() {
    enhance_sets "${audio_format}" "${evaluated[@]}"
}

stage_8_score() { score_sets "${evaluated[@]}"; }

stage_9_recognise() {
    local dset sets=("${tests[@]}")
    has_asr || { log "  no --asr_exp and no --asr_model_file: nothing to do" \
        "(egs2/debian_speech/asr1 trains one)"; return; }
    if [ -n "${asr_test_sets}" ]; then
        read -ra sets <<< "${asr_test_sets}"
        downstream_data
        for dset in "${sets[@]}"; do format_set "${dset}" "${raw}/${dset}" "${streams}"; done
    fi
    enhance_sets "${audio_format}" "${sets[@]}"
    decode_conditions
}

stage_10_score_words() { score_conditions; }

stage_11_pack() {
    local exp model=${inference_model%.*}
    while read -r exp; do
        run "${py[@]}" -m espnet2_ext.bin.pack --exp_dir "${exp}" \
            --model_file "${inference_model}" --outpath "${exp}/${exp##*/}_${model##*/}.zip"
    done < <(rows system exp)
}

stage_12_upload() {
    local exp model=${inference_model%.*}
    exp=$(rows system exp)
    run "${py[@]}" -m espnet2_ext.bin.upload_hf --hf_repo "${hf_repo}" --exp_dir "${exp}" \
        --zip "${exp}/${exp##*/}_${model##*/}.zip" --results "${expdir}/RESULTS.md" \
        --sets "${train_set} of $(basename "$(dirname "${PWD}")"), validated on ${valid_set}"
}

stage_13_train_probes() { train_probes; }

stage_14_evaluate_probes() {
    local format=${audio_format%.ark} # the probes read no archives
    wants_probes || return 0
    downstream_data
    format_set "${superb_test_set}" "${raw}/${superb_test_set}" "${streams}" "${format}"
    enhance_sets "${format}" "${superb_test_set}"
    evaluate_probes
}

stage_15_report() { # with what stages 10 and 14 have left
    local joint=()
    ! "${eval_valid_set}" || joint+=(--valid_set "${valid_set}")
    "${skip_downstream}" || ! compgen -G "${expdir}/superb/*/*/evaluate" > /dev/null \
        || joint+=(--superb_dir "${expdir}/superb" --superb_tasks "${superb_tasks}")
    if ! "${skip_downstream}" && has_asr && [ -e "${expdir}/RESULTS_ASR_${asr_tag}.md" ]; then
        find_asr_sets
        joint+=(--asr_tag "${asr_tag}" --asr_test_sets "${asr_sets[*]}")
    fi
    report "${test_sets}" "${joint[@]}"
}

main() {
    begin enh_ssl "$@"
    read -ra tests <<< "${test_sets}"
    evaluated=("${tests[@]}")
    ! "${eval_valid_set}" || [[ " ${test_sets} " == *" ${valid_set} "* ]] \
        || evaluated+=("${valid_set}")
    org_train_set=${train_set}
    train_set+=${speed_perturb_factors:+_sp}
    run_stages 0 15
}

main "$@"
