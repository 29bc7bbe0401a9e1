#!/usr/bin/env bash
# Train an ESPnet recogniser on clean speech, in stages, and decode with it.
# Stage numbers, option names and file names are those of ESPnet's asr.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General (stages: 0 environment, 1 data, 3 format, 4 filter, 5 tokens, 10 statistics, 11 train, 12 decode, 13 score, 14 pack)
stage=0                     # first stage to run
stop_stage=10000            # last stage to run
skip_data_prep=false        # leave out stages 1-5
skip_train=false            # leave out stages 10-11
skip_eval=false             # leave out stages 12-13
skip_packing=true           # leave out stage 14
dry_run=false               # print the commands, run nothing
resume_jobs=true            # repeat only the unfinished jobs of a stage that was broken off
ngpu=1                      # GPUs for training per node; 0: CPU
num_nodes=1                 # nodes for training
nj=                         # parallel jobs; empty: processors with the local backend, else 32
inference_nj=               # jobs per test set in stage 12; empty: nj shared out
gpu_inference=false         # decode on a GPU
dumpdir=dump                # formatted data
expdir=exp                  # experiments
python=${PYTHON:-python3}   # interpreter, may be several words
## Data
train_set=                  # name of the training set in data/
valid_set=                  # name of the validation set
test_sets=                  # names of the test sets
local_data_opts=            # options for local/data.sh
audio_format=flac           # wav, flac, wav.ark or flac.ark
fs=16k                      # sampling rate
min_wav_duration=0.1        # seconds; shorter training utterances are left out
max_wav_duration=20         # seconds; longer ones too
lang=noinfo                 # part of directory names
## Tokens
token_type=bpe              # char or bpe
nbpe=30                     # number of sentencepiece's pieces
bpemode=unigram             # unigram or bpe
bpe_char_cover=1.0          # share of characters that pieces must cover
bpe_nlsyms=                 # comma-separated symbols that stay whole
## Training
asr_config=                 # YAML
asr_tag=                    # suffix of the experiment directory; empty: made from YAML and arguments
asr_exp=                    # experiment directory itself; empty: made from the tag
asr_args=                   # further training options, e.g. "--max_epoch 10"
asr_stats_dir=              # statistics; empty: made from the options
feats_normalize=global_mvn  # global_mvn or utterance_mvn (s3prl frontends)
asr_speech_fold_length=800  # batches shrink beyond this length (x 100 samples)
asr_text_fold_length=150    # and beyond so many tokens
train_threads=              # CPU threads; empty: all processors (local, --ngpu 0), else 1
## Decoding and scores
inference_asr_model=valid.acc.ave.pth # model file within the experiment
inference_config=           # YAML of decoding
inference_args=             # further options, e.g. "--beam_size 10"
inference_tag=              # names the results; empty: made from YAML and arguments
cleaner=none                # ESPnet text cleaner of the references
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
[[ " char bpe " == *" ${token_type} "* ]] || die "found --token_type ${token_type}; expected char or bpe"
[[ " global_mvn utterance_mvn " == *" ${feats_normalize} "* ]] \
    || die "found --feats_normalize ${feats_normalize}; expected global_mvn or utterance_mvn"
[ -z "${asr_config}" ] || [ -r "${asr_config}" ] || die "found --asr_config ${asr_config}, which cannot be read; expected a YAML file"

raw=${dumpdir}/raw
train_jobs=1
if [ -z "${nj}" ]; then nj=32; [[ ${train_cmd} != run.pl* ]] || nj=$(processors); fi
name_of() { # WORDS: options as part of a name, ESPnet's rule
    local text=${1//--/_}
    text=${text//\//_}
    echo "${text//[ |=]/}"
}
lang_part=${lang#noinfo}
lang_part=${lang_part:+_${lang_part}}
tokens=${token_type}
[ "${token_type}" = char ] || tokens+=_${bpemode}${nbpe}
token_dir=data/${lang_part:+${lang}_}token_list/${tokens}
token_list=${token_dir}/tokens.txt
bpemodel=none
[ "${token_type}" = char ] || bpemodel=${token_dir}/bpe.model
data_part=raw${lang_part}_${token_type}
[ "${token_type}" = char ] || data_part+="${nbpe}"
config_part=$(basename "${asr_config:-train}" .yaml)
asr_tag=${asr_tag:-${config_part}_${data_part}$(name_of "${asr_args}")}
asr_exp=${asr_exp:-${expdir}/asr_${asr_tag}}
# named after the YAML too (ESPnet does not): another frontend has other statistics
stats=${asr_stats_dir:-${expdir}/asr_stats_${config_part}_${data_part}}
if [ -z "${inference_tag}" ]; then
    inference_tag=$(basename "${inference_config:-inference}" .yaml)$(name_of "${inference_args}")_asr_model_${inference_asr_model%.*}
fi
token_args=(--use_preprocessor true --token_type "${token_type}" --token_list "${token_list}" --bpemodel "${bpemodel}" --cleaner "${cleaner}")

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
    run "${py[@]}" -m espnet2_ext.bin.check_data --required "wav.scp text utt2spk spk2utt" \
        "data/${train_set}" "data/${valid_set}" "${tests[@]/#/data/}"
}

stage_3_format() {
    local dset
    for dset in "${train_set}" "${valid_set}"; do format_set "${dset}" "${raw}/org/${dset}" wav; done
    for dset in "${tests[@]}"; do
        [ "${dset}" = "${valid_set}" ] || format_set "${dset}" "${raw}/${dset}" wav
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

stage_5_tokens() {
    local print
    print=$(fingerprint --input "${raw}/${train_set}/text" --option "${bpe_char_cover} ${bpe_nlsyms} ${cleaner}")
    up_to_date "${token_dir}/.stamp" "${print}" "${token_list}" && return
    if [ "${token_type}" = bpe ]; then
        run "${py[@]}" -m espnet2_ext.bin.train_bpe --text "${raw}/${train_set}/text" --out_dir "${token_dir}" \
            --nbpe "${nbpe}" --bpemode "${bpemode}" --bpe_char_cover "${bpe_char_cover}" --bpe_nlsyms "${bpe_nlsyms}"
    else
        x mkdir -p "${token_dir}"
        run "${py[@]}" -m espnet2.bin.tokenize_text --token_type char --input "${raw}/${train_set}/text" \
            --output "${token_list}" --field 2- --cleaner "${cleaner}" --write_vocabulary true \
            --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1"
    fi
    stamp "${token_dir}/.stamp" "${print}"
}

stage_10_statistics() {
    local logdir=${stats}/logdir print n j part inputs=()
    asr_data_flags
    print=$(asr_data_print --option "${asr_args}")
    same_apart "${stats}/.stamp" "${print}" && print=$(cat "${stats}/.stamp")
    up_to_date "${stats}/.stamp" "${print}" "${stats}"/{train,valid}/{speech_shape,text_shape."${token_type}"} && return
    n=$(at_most "${nj}" "$(count_lines "${raw}/${valid_set}/wav.scp")")
    fresh_logdir "${logdir}" "${print} ${n}"
    split_keys "${raw}/${train_set}/wav.scp" "${n}" "${logdir}/train"
    split_keys "${raw}/${valid_set}/wav.scp" "${n}" "${logdir}/valid"
    # shellcheck disable=SC2086 # asr_args is meant to be split
    start_job "collect statistics" "${logdir}/stats.1.log" x "${train_job[@]}" "${pick[@]}" JOB=1:"${n}" "${logdir}/stats.JOB.log" \
        "${py[@]}" -m espnet2_ext -m espnet2.bin.asr_train --collect_stats true "${data_args[@]}" "${token_args[@]}" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/valid.JOB.scp" \
        --output_dir "${logdir}/stats.JOB" --ngpu 0 ${asr_config:+--config "${asr_config}"} --frontend_conf "fs=${fs}" ${asr_args}
    wait_jobs
    for ((j = 1; j <= n; j++)); do inputs+=(--input_dir "${logdir}/stats.${j}"); done
    done_logdir "${logdir}"
    run "${py[@]}" -m espnet2.bin.aggregate_stats_dirs --output_dir "${stats}" "${inputs[@]}"
    for part in train valid; do # the vocabulary's size counts in batch_bins
        "${dry_run}" || awk -v n="$(count_lines "${token_list}")" '{ print $0 "," n }' "${stats}/${part}/text_shape" \
            | write_file "${stats}/${part}/text_shape.${token_type}"
    done
    resume_script "${stats}/run.sh" 10
    stamp "${stats}/.stamp" "${print}"
}

stage_11_train() {
    local print
    asr_data_flags
    print=$(asr_data_print --option "${asr_args}" --option "${feats_normalize} fold ${asr_speech_fold_length} ${asr_text_fold_length}")
    up_to_date "${asr_exp}/.stamp.train" "${print}" "${asr_exp}/config.yaml" && return
    refuse_other_config "${asr_exp}" "${print}"
    stamp "${asr_exp}/.inputs" "${print}"
    resume_script "${asr_exp}/run.sh" 11
    start_job "train ${asr_tag}" "${asr_exp}/train.log" train_asr "${print}"
    wait_jobs
}

stage_12_decode() {
    local dset
    inference_asr_config=${inference_config} inference_asr_args=${inference_args} asr_model_file=""
    local asr_config="" # the one within asr_exp
    resolve_asr "${asr_exp}/${inference_tag}/asr"
    share_out "${#tests[@]}"
    for dset in "${tests[@]}"; do
        decode_scp "${raw}/${dset}/wav.scp" "$(asr_audio_type noisy)" "${asr_exp}/${inference_tag}/${dset}"
    done
    wait_jobs
}

stage_13_score() {
    local dset rows=()
    for dset in "${tests[@]}"; do
        score_text "${raw}/${dset}" "${asr_exp}/${inference_tag}/${dset}"
        rows+=("${dset}=${asr_exp}/${inference_tag}/${dset}")
    done
    run "${py[@]}" -m espnet2_ext.bin.asr_results --title "${asr_exp##*/}" --output "${asr_exp}/RESULTS.md" --asr_dir "${rows[@]}"
}

stage_14_pack() {
    local options=(--option "${asr_exp}/RESULTS.md")
    [ "${bpemodel}" = none ] || options+=(--option "${bpemodel}")
    [ "${feats_normalize}" = utterance_mvn ] || options+=(--option "${stats}/train/feats_stats.npz")
    run "${py[@]}" -m espnet2.bin.pack asr --asr_train_config "${asr_exp}/config.yaml" \
        --asr_model_file "${asr_exp}/${inference_asr_model}" "${options[@]}" \
        --outpath "${asr_exp}/${asr_exp##*/}_${inference_asr_model%.*}.zip"
}

. utils/steps.sh # what the stages above are made of
. utils/asr_steps.sh
. utils/asr_training.sh
watch_signals
dispatch 0 1 3 4 5 10 11 12 13 14
