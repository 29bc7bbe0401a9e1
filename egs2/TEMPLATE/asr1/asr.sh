#!/usr/bin/env bash
# Train an ESPnet recogniser on clean speech, in stages, and decode with it.
# Stage numbers, option names and file names are those of ESPnet's asr.sh.
# Stages: 0 environment, 1 data, 3 format, 4 filter, 5 tokens, 10 statistics, 11 train, 12 decode,
# 13 score, 14 pack.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General
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
asr_tag=                    # suffix of the directory; empty: made from YAML and arguments
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
declare bpemodel token_dir token_list stats # named by the plan

. steps/all.sh

stage_1_data() {
    prepare_data
    run "${py[@]}" -m espnet2_ext.bin.check_data --required "wav.scp text utt2spk spk2utt" \
        "data/${train_set}" "data/${valid_set}" "${tests[@]/#/data/}"
}

stage_3_format() {
    format_sets wav wav "${tests[@]}"
}

stage_5_tokens() {
    local print text=${raw}/${train_set}/text
    print=$(fingerprint --input "${text}" --option "${bpe_char_cover} ${bpe_nlsyms} ${cleaner}")
    up_to_date "${token_dir}/.stamp" "${print}" "${token_list}" && return
    if [ "${token_type}" = bpe ]; then
        run "${py[@]}" -m espnet2_ext.bin.train_bpe --text "${text}" --out_dir "${token_dir}" \
            --nbpe "${nbpe}" --bpemode "${bpemode}" --bpe_char_cover "${bpe_char_cover}" \
            --bpe_nlsyms "${bpe_nlsyms}"
    else
        x mkdir -p "${token_dir}"
        run "${py[@]}" -m espnet2.bin.tokenize_text --token_type char --input "${text}" \
            --output "${token_list}" --field 2- --cleaner "${cleaner}" --write_vocabulary true \
            --add_symbol "<blank>:0" --add_symbol "<unk>:1" --add_symbol "<sos/eos>:-1"
    fi
    stamp "${token_dir}/.stamp" "${print}"
}

data_flags() { # fills data_args, shape_args and data_inputs of training
    local speech
    speech=wav.scp,speech,$(audio_type "${audio_format}")
    shape_args=() data_inputs=()
    data_args=(--use_preprocessor true --token_type "${token_type}" --token_list "${token_list}"
        --bpemodel "${bpemodel}" --cleaner "${cleaner}" --frontend_conf "fs=${fs}")
    training_files "${speech} speech_shape $((asr_speech_fold_length * 100))" \
        "text,text,text text_shape.${token_type} ${asr_text_fold_length}"
    [ -z "${asr_config}" ] || data_args+=(--config "${asr_config}")
}

data_print() { # ARGUMENT...: fingerprint of data, tokens, YAML and the arguments
    fingerprint "${data_inputs[@]}" --input "${token_list}" \
        ${asr_config:+--training "${asr_config}"} \
        --option "${cleaner}" --option "${asr_args}" "$@"
}

stage_10_statistics() {
    local print n part
    data_flags
    print=$(data_print)
    same_apart "${stats}/.stamp" "${print}" && print=$(cat "${stats}/.stamp")
    up_to_date "${stats}/.stamp" "${print}" \
        "${stats}"/{train,valid}/{speech_shape,text_shape."${token_type}"} && return
    n=$(at_most "${nj}" "$(count_lines "${raw}/${valid_set}/wav.scp")")
    # shellcheck disable=SC2086 # asr_args is meant to be split
    collect_statistics "${stats}" "${print}" "${n}" 10 \
        -m espnet2_ext -m espnet2.bin.asr_train --ngpu 0 "${data_args[@]}" ${asr_args}
    for part in train valid; do # the vocabulary's size counts in batch_bins
        "${dry_run}" || awk -v n="$(count_lines "${token_list}")" '{ print $0 "," n }' \
            "${stats}/${part}/text_shape" | write_file "${stats}/${part}/text_shape.${token_type}"
    done
    stamp "${stats}/.stamp" "${print}"
}

stage_11_train() {
    local print normalize=(--normalize utterance_mvn) feats=${stats}/train/feats_stats.npz
    data_flags
    print=$(data_print --option \
        "${feats_normalize} fold ${asr_speech_fold_length} ${asr_text_fold_length}")
    needs_training "${asr_exp}" "${print}" || return 0
    if [ "${feats_normalize}" = global_mvn ]; then
        normalize=(--normalize global_mvn --normalize_conf "stats_file=${feats}")
        "${dry_run}" || [ -e "${feats}" ] \
            || die "found no ${feats}; expected statistics of the features; with a frontend that" \
                "has none in stage 10 (s3prl) give --feats_normalize utterance_mvn"
    fi
    # shellcheck disable=SC2086 # asr_args is meant to be split
    start_training "${asr_tag}" "${asr_exp}" "${print}" 11 -m espnet2_ext -m espnet2.bin.asr_train \
        "${data_args[@]}" "${shape_args[@]}" "${normalize[@]}" ${asr_args}
    wait_jobs
}

stage_12_decode() {
    local dset
    resolve_asr "${asr_exp}/${inference_tag}/asr" "${asr_exp}/${inference_asr_model}" \
        "${inference_config}" "${inference_args}" \
        --asr_exp "${asr_exp}" --inference_asr_model "${inference_asr_model}"
    share_out "${#tests[@]}"
    for dset in "${tests[@]}"; do
        decode_scp "${raw}/${dset}/wav.scp" "$(audio_type "${audio_format}")" \
            "${asr_exp}/${inference_tag}/${dset}"
    done
    wait_shared
}

stage_13_score() {
    local dset results=()
    for dset in "${tests[@]}"; do
        score_text "${raw}/${dset}" "${asr_exp}/${inference_tag}/${dset}"
        results+=("${dset}=${asr_exp}/${inference_tag}/${dset}")
    done
    run "${py[@]}" -m espnet2_ext.bin.asr_results --title "${asr_exp##*/}" \
        --output "${asr_exp}/RESULTS.md" --asr_dir "${results[@]}"
}

stage_14_pack() {
    local options=(--option "${asr_exp}/RESULTS.md")
    [ "${bpemodel}" = none ] || options+=(--option "${bpemodel}")
    [ "${feats_normalize}" = utterance_mvn ] \
        || options+=(--option "${stats}/train/feats_stats.npz")
    run "${py[@]}" -m espnet2.bin.pack asr --asr_train_config "${asr_exp}/config.yaml" \
        --asr_model_file "${asr_exp}/${inference_asr_model}" "${options[@]}" \
        --outpath "${asr_exp}/${asr_exp##*/}_${inference_asr_model%.*}.zip"
}

main() {
    begin asr "$@"
    read -ra tests <<< "${test_sets}"
    run_stages 0 14
}

main "$@"
