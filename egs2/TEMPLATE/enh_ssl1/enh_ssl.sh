#!/usr/bin/env bash
# Train, apply and score speech enhancement with an SSL-representation loss, in stages.
# Stage numbers 1-12, option names and file names are those of ESPnet's enh.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General (stages: 0 environment, 1 data, 2 speed, 3 format, 4 filter, 5 statistics, 6 train, 7 enhance, 8 score, 9 recognise, 10 score words, 11 pack, 13 train probes, 14 evaluate probes, 15 report)
stage=0                     # first stage to run
stop_stage=10000            # last stage to run
skip_data_prep=false        # leave out stages 1-4
skip_train=false            # leave out stages 5-6
skip_eval=false             # leave out stages 7, 8 and 15
skip_packing=true           # leave out stage 11
skip_downstream=            # leave out stages 9, 10, 13 and 14; empty: unless --stage is 9 or more
dry_run=false               # print the commands, run nothing
resume_jobs=true            # repeat only the unfinished jobs of a stage that was broken off
ngpu=1                      # GPUs for training per node; 0: CPU
num_nodes=1                 # nodes for training
nj=                         # parallel jobs; empty: processors with the local backend, else 32
inference_nj=               # jobs per test set in stages 7 and 8; empty: nj shared out
gpu_inference=false         # enhance on a GPU
dumpdir=dump                # formatted data
expdir=exp                  # experiments, reports
python=${PYTHON:-python3}   # interpreter, may be several words
## Data
train_set=                  # name of the training set in data/
valid_set=                  # name of the validation set
test_sets=                  # names of the test sets
local_data_opts=            # options for local/data.sh
speed_perturb_factors=      # e.g. "0.9 1.0 1.1"; training then uses <train_set>_sp
audio_format=flac           # wav, flac, wav.ark or flac.ark
fs=16k                      # sampling rate
min_wav_duration=0.1        # seconds; shorter training utterances are left out
max_wav_duration=20         # seconds; longer ones too
ref_num=1                   # reference signals spk1..spkN (ESPnet: 2)
use_noise_ref=false         # noise1.scp as a training reference
## Training
enh_config=                 # YAML, or several separated by spaces: one system each
enh_label=                  # printed names of the systems, as many as YAMLs; empty: their tags
enh_tag=                    # suffix of the experiment directory, one per YAML; empty: made from YAML and arguments
enh_exp=                    # experiment directory itself, one per YAML; empty: made from the tag
enh_args=                   # further training options, e.g. "--max_epoch 10"
seeds=                      # e.g. "0 1 2": one experiment (_seed0 ...) each; empty: a single one without suffix
init_config=                # YAML of a first stage of training: each seed does it once, all its systems start from there
init_param=                 # or start from a model: path[:source[:target[:exclude]]]; SEED in it is each system's own
enh_speech_fold_length=800  # batches shrink beyond this length (x 100 samples)
train_jobs=1                # systems trained at the same time
train_threads=              # CPU threads of each; empty: its share of the processors (local, --ngpu 0), else 1
## Enhancement and scores
inference_model=valid.loss.ave.pth # model file within the experiment
inference_args="--normalize_output_wav false --output_format wav" # for enh_inference (ESPnet's 'true' scales every file to peak 0.9: the level is lost)
inference_enh_config=       # YAML that overrides the separator for inference
inference_tag=              # output directory prefix; empty: enhanced, or that YAML's name
scoring_metrics="SI_SNR SDR PESQ_WB ESTOI DNSMOS" # signal metrics
recognisers=                # e.g. "pocketsphinx whisper_tiny_en" for word error rates; needs text
ssl_conf=                   # conf/ssl/*.yaml whose distances are scored
observation_adding=         # e.g. "0.1 0.3": w, for rows (1-w) enhanced + w noisy after each system
denoisers=                  # public denoisers as further rows, where installed: rnnoise nsnet2 dtln deepfilternet noisereduce
## Downstream (what it needs beside data/ comes from local/superb_data.sh, if the recipe has one)
local_superb_opts=          # options for local/superb_data.sh
asr_exp=                    # directory of a trained ESPnet ASR; empty: no stages 9 and 10
asr_model_file=             # or its weights, or a packed ESPnet ASR (zip)
asr_config=                 # its configuration, where it is not beside the weights
asr_tag=                    # names the results; empty: made from the recogniser's name
inference_asr_model=valid.acc.ave.pth # weights within asr_exp
inference_asr_config=       # YAML of decoding (beam_size, ctc_weight ...)
inference_asr_args=         # further options of espnet2.bin.asr_inference
asr_test_sets=              # sets to decode; empty: those of test_sets with a text
superb_tasks=               # e.g. "asr pr ks ic sid asv"; empty: no stages 13 and 14
superb_dir=data/superb      # <task>/{train,valid,test}.csv of clean speech
superb_test_set=test_superb # in data/: the noisy twin of all test audio in those
superb_upstreams=           # YAML of conf/ssl or s3prl name, one or more: what the probes listen to; NAME=TASK,TASK for some tasks only
superb_conf=                # directory of <task>.yaml: changes of s3prl's hyper-parameters
## end of options

. utils/stages.sh
help_message=$(options_help "${BASH_SOURCE[0]}")
run_args=$(printf '%q ' "./${0##*/}" "$@")
. utils/parse_options.sh
[ $# -eq 0 ] || die "found extra words '$*'; expected only --option value"
. ./path.sh
. ./cmd.sh
read -ra py <<< "${python}"
[ "${python}" = python3 ] || export PYTHON=${python} # for local/data.sh
read -ra train_job <<< "${train_cmd}"
read -ra tests <<< "${test_sets}"
[[ -n ${train_set} && -n ${valid_set} && -n ${test_sets} ]] \
    || die "found no --train_set, --valid_set or --test_sets; expected all three"
[[ " wav flac wav.ark flac.ark " == *" ${audio_format} "* ]] \
    || die "found --audio_format ${audio_format}; expected wav, flac, wav.ark or flac.ark"
if [ -z "${skip_downstream}" ]; then
    skip_downstream=true
    [[ ! ${stage} =~ ^(9|[1-9][0-9]+)$ ]] || skip_downstream=false
fi
. utils/observation_adding.sh
. utils/systems.sh # fills sys_exp, sys_label, sys_config, sys_seed from the options above

raw=${dumpdir}/raw
stats=${expdir}/enh_stats_${fs}${speed_perturb_factors:+_sp}
org_train_set=${train_set}
train_set+=${speed_perturb_factors:+_sp}
if [ -z "${nj}" ]; then nj=32; [[ ${train_cmd} != run.pl* ]] || nj=$(processors); fi
streams=wav
for ((n = 1; n <= ref_num; n++)); do streams+=" spk${n}"; done

stage_0_environment() {
    if [ "${python}" = python3 ] && ! has_espnet; then
        run "${MAIN_ROOT}/tools/setup.sh" # ends with the check
        . ./path.sh
    else
        run "${py[@]}" "${MAIN_ROOT}/tools/check_install.py" --quick
    fi
}

stage_1_data() {
    # shellcheck disable=SC2086 # options are meant to be split
    run local/data.sh ${local_data_opts}
    check_data "${org_train_set}" "${valid_set}" "${tests[@]}"
}

stage_2_speed_perturbation() {
    local src=data/${org_train_set} dst=data/${train_set} n print
    [ -n "${speed_perturb_factors}" ] || { log "  no --speed_perturb_factors: nothing to do"; return; }
    print=$(fingerprint --audio "${src}/wav.scp" --option "$(noisy_streams) ${speed_perturb_factors}")
    up_to_date "${dst}/.stamp" "${print}" "${dst}/wav.scp" && return
    n=$(at_most "${nj}" "$(count_lines "${src}/wav.scp")")
    set -- -m espnet2_ext.bin.perturb_speed --data_dir "${src}" --out_dir "${dst}" \
        --streams "$(noisy_streams)" --factors "${speed_perturb_factors}" --num_jobs "${n}"
    fresh_logdir "${dst}/logs" "${print} ${n}"
    start_job "speed ${speed_perturb_factors}" "${dst}/logs/speed.1.log" \
        x "${train_job[@]}" "${pick[@]}" JOB=1:"${n}" "${dst}/logs/speed.JOB.log" "${py[@]}" "$@" --job JOB
    wait_jobs
    run "${py[@]}" "$@" --merge true
    done_logdir "${dst}/logs"
    stamp "${dst}/.stamp" "${print}"
}

stage_3_format() {
    local dset
    check_data "${train_set}" "${valid_set}" "${tests[@]}"
    format_set "${train_set}" "${raw}/org/${train_set}" "$(noisy_streams)"
    format_set "${valid_set}" "${raw}/org/${valid_set}" "$(noisy_streams)"
    for dset in "${tests[@]}"; do
        [ "${dset}" = "${valid_set}" ] || format_set "${dset}" "${raw}/${dset}" "${streams}"
    done
}

stage_4_filter() {
    local dset print
    for dset in "${train_set}" "${valid_set}"; do
        print=$(fingerprint --audio "${raw}/org/${dset}/wav.scp" --option "${fs} ${min_wav_duration} ${max_wav_duration}")
        up_to_date "${raw}/${dset}/.stamp" "${print}" "${raw}/${dset}/wav.scp" && continue
        run "${py[@]}" -m espnet2_ext.bin.filter_data --in_dir "${raw}/org/${dset}" --out_dir "${raw}/${dset}" \
            --fs "${fs}" --min_wav_duration "${min_wav_duration}" --max_wav_duration "${max_wav_duration}"
        stamp "${raw}/${dset}/.stamp" "${print}"
    done
}

stage_5_statistics() {
    local logdir=${stats}/logdir print n j inputs=()
    data_flags
    print=$(fingerprint "${data_inputs[@]}" --option "${data_args[*]} ${enh_args}" ${sys_config[0]:+--training "${sys_config[0]}"})
    same_apart "${stats}/.stamp" "${print}" && print=$(cat "${stats}/.stamp")
    up_to_date "${stats}/.stamp" "${print}" "${stats}"/{train,valid}/speech_{mix,ref1}_shape && return
    n=$(at_most "${nj}" "$(count_lines "${raw}/${valid_set}/wav.scp")")
    n=$(at_most "${n}" "$(count_lines "${raw}/${train_set}/wav.scp")")
    check_configs false "${!sys_config[@]}" # of all systems: the longest work comes next
    fresh_logdir "${logdir}" "${print} ${n}"
    split_keys "${raw}/${train_set}/wav.scp" "${n}" "${logdir}/train"
    split_keys "${raw}/${valid_set}/wav.scp" "${n}" "${logdir}/valid"
    # shellcheck disable=SC2086
    start_job "collect statistics" "${logdir}/stats.1.log" x "${train_job[@]}" "${pick[@]}" JOB=1:"${n}" "${logdir}/stats.JOB.log" \
        "${py[@]}" -m espnet2_ext.bin.enh_ssl_train --collect_stats true "${data_args[@]}" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/valid.JOB.scp" \
        --output_dir "${logdir}/stats.JOB" ${sys_config[0]:+--config "${sys_config[0]}"} ${enh_args}
    wait_jobs
    for ((j = 1; j <= n; j++)); do inputs+=(--input_dir "${logdir}/stats.${j}"); done
    run "${py[@]}" -m espnet2.bin.aggregate_stats_dirs --skip_sum_stats --output_dir "${stats}" "${inputs[@]}"
    done_logdir "${logdir}"
    resume_script "${stats}/run.sh" 5
    stamp "${stats}/.stamp" "${print}"
}

stage_6_train() {
    data_flags
    jobs_at_once=${train_jobs}
    [[ -z ${init_config} || -n ${init_param} ]] || train_first_stage
    train_systems
}

stage_7_enhance() {
    enhance_sets "${tests[@]}"
}

stage_8_score() {
    local exp dset out
    [ "${ref_num}" -eq 1 ] || die "found --ref_num ${ref_num}; expected 1: scores are for one speaker"
    find_rows
    share_out $((${#tests[@]} * (2 + ${#row_exp[@]})))
    for dset in "${tests[@]}"; do
        score_set "${dset}" "${raw}/${dset}/spk1.scp" "${raw}/${dset}/scoring_clean"
        score_set "${dset}" "${raw}/${dset}/wav.scp" "${raw}/${dset}/scoring"
        for exp in "${row_exp[@]}"; do
            out=${exp}/${inference_tag}_${dset}
            score_set "${dset}" "${out}/spk1.scp" "${out}/scoring"
        done
    done
    wait_jobs
}

stage_9_recognise() {
    local dset
    has_asr || { log "  no --asr_exp and no --asr_model_file: nothing to do (egs2/debian_speech/asr1 trains one)"; return; }
    [ -z "${asr_test_sets}" ] || downstream_data
    for dset in ${asr_test_sets}; do format_set "${dset}" "${raw}/${dset}" "${streams}"; done
    # shellcheck disable=SC2086 # names of sets
    enhance_sets ${asr_test_sets:-${test_sets}}
    decode_conditions "${row_exp[@]}"
}

stage_10_score_words() {
    has_asr || return 0
    find_rows
    score_conditions "${row_exp[@]}"
}

stage_11_pack() {
    local exp model=${inference_model%.*}
    for exp in "${sys_exp[@]}"; do
        run "${py[@]}" -m espnet2_ext.bin.pack --exp_dir "${exp}" --model_file "${inference_model}" \
            --outpath "${exp}/${exp##*/}_${model##*/}.zip"
    done
}

stage_13_train_probes() {
    wants_probes || return 0
    downstream_data
    superb_jobs train
}

stage_14_evaluate_probes() {
    local audio_format=${audio_format%.ark} conditions # the probes read no archives
    wants_probes || return 0
    downstream_data
    format_set "${superb_test_set}" "${raw}/${superb_test_set}" "${streams}"
    enhance_sets "${superb_test_set}"
    superb_conditions
    superb_jobs evaluate --clean_scp "data/${superb_test_set}/spk1.scp" --condition "${conditions[@]}"
}

stage_15_report() {
    [ "${inference_tag}" = enhanced ] || die "found --inference_tag ${inference_tag}; expected none: the report reads enhanced_<set>"
    find_rows
    joint_columns
    run "${py[@]}" -m espnet2_ext.bin.report --dumpdir "${raw}" --test_sets "${test_sets}" \
        --systems "$(report_systems)" --denoisers "$(report_denoisers)" --baseline "${sys_label[0]}" \
        "${joint[@]}" --output_dir "${expdir}"
}

. utils/steps.sh # what the stages above are made of
. utils/enh_training.sh
check_init_config
. utils/asr_steps.sh
. utils/downstream.sh
watch_signals
dispatch 0 1 2 3 4 5 6 7 8 9 10 11 13 14 15
