#!/usr/bin/env bash
# Pre-train a HuBERT with ESPnet, in stages, and write it as one file for s3prl.
# Stage numbers, option names and file names are those of ESPnet's hubert.sh.
# Stages: 0 environment, 1 data, 3 format, 4 filter; for each iteration 5 k-means units, 7 train;
# 8 pack.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General
stage=0                     # first stage to run
stop_stage=10000            # last stage to run
skip_data_prep=false        # leave out stages 1-4
skip_train=false            # leave out stages 5 and 7
skip_packing=false          # leave out stage 8
dry_run=false               # print the commands, run nothing
resume_jobs=true            # repeat only the unfinished jobs of a stage that was broken off
ngpu=1                      # GPUs for training per node; 0: CPU
num_nodes=1                 # nodes for training
nj=                         # parallel jobs; empty: processors with the local backend, else 32
dumpdir=dump                # formatted data
expdir=exp                  # experiments
python=${PYTHON:-python3}   # interpreter, may be several words
## Data
train_set=                  # name of the training set in data/
valid_set=                  # name of the validation set
local_data_opts=            # options for local/data.sh
audio_format=flac           # wav, flac, wav.ark or flac.ark
fs=16k                      # sampling rate
min_wav_duration=0.1        # seconds; shorter utterances are left out
max_wav_duration=20         # seconds; longer ones too
## Units (a value for each iteration, the first is iteration 0)
train_start_iter=0          # first iteration to run
train_stop_iter=1           # last one
n_clusters="100 100"        # number of k-means clusters
features_km="mfcc hubert"   # what is clustered: mfcc or hubert (the iteration before)
layers_km="0 3"             # hubert: number of the block, from 1
portion_km=1                # share of the training set that k-means learns from
## Training
train_configs=              # YAMLs
hubert_args=                # further training options, e.g. "--max_epoch 10"
inference_ssl_model=valid.loss.best.pth # checkpoint that the next iteration and stage 8 take
warm_start=false            # begin each iteration with the network of the one before, not anew
train_threads=              # CPU threads; empty: all processors (local, --ngpu 0), else 1
## end of options
declare -a km_dirs ssl_exps # the plan names them, for each iteration

. steps/all.sh

stage_1_data() {
    prepare_data
    run "${py[@]}" -m espnet2_ext.bin.check_data --required "wav.scp utt2spk spk2utt" \
        "data/${train_set}" "data/${valid_set}"
}

stage_3_format() {
    format_sets wav wav
}

stage_5_units() {
    local print job from=() train=${raw}/${train_set}/wav.scp valid=${raw}/${valid_set}/wav.scp
    read -ra job <<< "${train_cmd}"
    [ "${features[iter]}" = mfcc ] || from=(--model_dir "${ssl_exps[iter - 1]}"
        --model_file "${inference_ssl_model}" --layer "${layers[iter]}")
    print=$(fingerprint --audio "${train}" --audio "${valid}" \
        --option "${clusters[iter]} ${features[iter]} ${portion_km} ${from[*]}" \
        ${from[1]:+--input "${from[1]}/${inference_ssl_model}"})
    up_to_date "${km_dir}/.stamp" "${print}" "${km_dir}"/{train,valid}.km && return
    start_job "k-means, iteration ${iter}" "${km_dir}/kmeans.log" "${km_dir}/.stamp" "${print}" \
        "${job[@]}" "${km_dir}/kmeans.log" "${py[@]}" -m espnet2_ext.bin.kmeans_labels \
        --train_scp "${train}" --valid_scp "${valid}" \
        --feature "${features[iter]}" --n_clusters "${clusters[iter]}" --portion "${portion_km}" \
        "${from[@]}" --out_dir "${km_dir}"
    wait_jobs
}

stage_7_train() {
    local print part dir args=() network=encoder.hubert_pretrain_model.wav2vec2
    print=$(fingerprint --sample "${raw}/${train_set}/wav.scp" \
        --sample "${raw}/${valid_set}/wav.scp" --input "${km_dir}/train.km" \
        --input "${km_dir}/valid.km" --training "${configs[iter]}" \
        --option "${hubert_args}" --option "warm_start ${warm_start}")
    needs_training "${ssl_exp}" "${print}" || return 0
    for part in train valid; do
        dir=$(data_dir "${part}")
        # the shape of raw audio is its length, which stage 4 knows: ESPnet's stage 6 is not needed
        args+=("--${part}_data_path_and_name_and_type"
            "${dir}/wav.scp,speech,$(audio_type "${audio_format}")"
            "--${part}_data_path_and_name_and_type" "${km_dir}/${part}.km,text,text_int"
            "--${part}_shape_file" "${dir}/utt2num_samples")
    done
    if "${warm_start}" && [ "${iter}" -gt 0 ]; then # all but the units' embeddings
        args+=(--init_param "${ssl_exps[iter - 1]}/${inference_ssl_model}:${network}:${network}")
    fi
    # shellcheck disable=SC2086 # hubert_args is meant to be split
    start_training "${ssl_exp##*/}" "${ssl_exp}" "${print}" 7 \
        -m espnet2_ext -m espnet2.bin.hubert_train "${args[@]}" \
        --token_type word --token_list "${km_dir}/tokens.txt" --num_classes "${clusters[iter]}" \
        --config "${configs[iter]}" ${hubert_args}
    wait_jobs
}

stage_8_pack() {
    local exp=${ssl_exps[train_stop_iter]}
    run "${py[@]}" -m espnet2_ext.bin.convert_hubert --exp_dir "${exp}" \
        --model_file "${inference_ssl_model}" --output "${exp}/hubert_s3prl.pt"
}

main() {
    begin hubert "$@"
    read -ra configs <<< "${train_configs}"
    read -ra clusters <<< "${n_clusters}"
    read -ra features <<< "${features_km}"
    read -ra layers <<< "${layers_km}"
    run_stages 0 4
    for ((iter = train_start_iter; iter <= train_stop_iter; iter++)); do
        km_dir=${km_dirs[iter]} ssl_exp=${ssl_exps[iter]}
        run_stages 5 7
    done
    run_stages 8 8
}

main "$@"
