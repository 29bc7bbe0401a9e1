#!/usr/bin/env bash
# Pre-train a HuBERT with ESPnet, in stages, and write it as one file for s3prl.
# Stage numbers, option names and file names are those of ESPnet's hubert.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General (stages: 0 environment, 1 data, 3 format, 4 filter; for each iteration 5 k-means units, 7 train; 8 pack)
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
read -ra configs <<< "${train_configs}"
read -ra clusters <<< "${n_clusters}"
read -ra features <<< "${features_km}"
read -ra layers <<< "${layers_km}"
[[ -n ${train_set} && -n ${valid_set} ]] || die "found no --train_set or --valid_set; expected both"
[[ " wav flac wav.ark flac.ark " == *" ${audio_format} "* ]] \
    || die "found --audio_format ${audio_format}; expected wav, flac, wav.ark or flac.ark"
[[ ${stage}/${stop_stage} =~ ^[0-9]+/[0-9]+$ && ${stage} -le 8 ]] \
    || die "found --stage ${stage} --stop_stage ${stop_stage}; expected numbers, the first at most 8"
[[ ${train_start_iter}/${train_stop_iter} =~ ^[0-9]+/[0-9]+$ && ${train_start_iter} -le ${train_stop_iter} ]] \
    || die "found --train_start_iter ${train_start_iter} --train_stop_iter ${train_stop_iter}; expected numbers, in order"
for list in "train_configs ${#configs[@]}" "n_clusters ${#clusters[@]}" "features_km ${#features[@]}" "layers_km ${#layers[@]}"; do
    [ "${list#* }" -gt "${train_stop_iter}" ] \
        || die "found ${list#* } values in --${list% *}; expected one for each iteration up to ${train_stop_iter}"
done
for config in "${configs[@]}"; do
    [ -r "${config}" ] || die "found --train_configs ${config}, which cannot be read; expected a YAML file"
done

raw=${dumpdir}/raw
train_jobs=1
if [ -z "${nj}" ]; then nj=32; [[ ${train_cmd} != run.pl* ]] || nj=$(processors); fi

use_iteration() { # NUMBER: what the stages of an iteration work with
    iter=$1
    km_dir=${expdir}/kmeans_iter${iter}_${features[iter]}_${clusters[iter]}clusters_${train_set}
    ssl_exp=$(exp_of "${iter}")
}

exp_of() { # NUMBER
    echo "${expdir}/hubert_iter$1_$(basename "${configs[$1]}" .yaml)_raw"
}

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
    run "${py[@]}" -m espnet2_ext.bin.check_data --required "wav.scp utt2spk spk2utt" \
        "data/${train_set}" "data/${valid_set}"
}

stage_3_format() {
    local dset
    for dset in "${train_set}" "${valid_set}"; do format_set "${dset}" "${raw}/org/${dset}" wav; done
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

stage_5_units() {
    local print from=()
    [ "${features[iter]}" = mfcc ] || from=(--model_dir "$(exp_of $((iter - 1)))" --model_file "${inference_ssl_model}" --layer "${layers[iter]}")
    print=$(fingerprint --audio "${raw}/${train_set}/wav.scp" --audio "${raw}/${valid_set}/wav.scp" \
        --option "${clusters[iter]} ${features[iter]} ${portion_km} ${from[*]}" ${from[1]:+--input "${from[1]}/${inference_ssl_model}"})
    up_to_date "${km_dir}/.stamp" "${print}" "${km_dir}"/{train,valid}.km && return
    start_job "k-means, iteration ${iter}" "${km_dir}/kmeans.log" x "${train_job[@]}" "${km_dir}/kmeans.log" \
        "${py[@]}" -m espnet2_ext.bin.kmeans_labels --train_scp "${raw}/${train_set}/wav.scp" --valid_scp "${raw}/${valid_set}/wav.scp" \
        --feature "${features[iter]}" --n_clusters "${clusters[iter]}" --portion "${portion_km}" "${from[@]}" --out_dir "${km_dir}"
    wait_jobs
    stamp "${km_dir}/.stamp" "${print}"
}

stage_7_train() {
    local print
    print=$(fingerprint --sample "${raw}/${train_set}/wav.scp" --sample "${raw}/${valid_set}/wav.scp" --input "${km_dir}/train.km" \
        --input "${km_dir}/valid.km" --training "${configs[iter]}" --option "${hubert_args}" --option "warm_start ${warm_start}")
    up_to_date "${ssl_exp}/.stamp.train" "${print}" "${ssl_exp}/config.yaml" && return
    refuse_other_config "${ssl_exp}" "${print}"
    stamp "${ssl_exp}/.inputs" "${print}"
    resume_script "${ssl_exp}/run.sh" 7
    start_job "train ${ssl_exp##*/}" "${ssl_exp}/train.log" train_hubert "${print}"
    wait_jobs
}

stage_8_pack() {
    run "${py[@]}" -m espnet2_ext.bin.convert_hubert --exp_dir "$(exp_of "${train_stop_iter}")" \
        --model_file "${inference_ssl_model}" --output "$(exp_of "${train_stop_iter}")/hubert_s3prl.pt"
}

. utils/steps.sh # what the stages above are made of
. utils/hubert_training.sh
watch_signals
between 0 4 0 1 3 4
for ((i = train_start_iter; i <= train_stop_iter; i++)); do
    use_iteration "${i}"
    between 5 7 5 7
done
between 8 8 8
