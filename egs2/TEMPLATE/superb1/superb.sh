#!/usr/bin/env bash
# SUPERB tasks as judges of enhancement: probes trained on clean speech hear clean, noisy and enhanced test sets.
# Stage numbers, option names and file names are those of enh_ssl.sh; the systems were trained elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

## General (stages: 0 environment, 1 data, 2 noisy test set, 3 format, 7 enhance, 8 score, 13 train probes, 14 evaluate probes, 15 report)
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
train_threads=              # CPU threads of the probes; empty: the processors (local, --ngpu 0), else 1
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
enh_exps=                   # experiment directories of trained systems, anywhere; nothing is written there
enh_label=                  # printed names, as many as systems; empty: names of the directories
inference_model=valid.loss.best.pth # model file within each
inference_args="--normalize_output_wav false --output_format wav" # for enh_inference
inference_enh_config=       # YAML that overrides the separator for inference
observation_adding=         # e.g. "0.1 0.3": w, for rows (1-w) enhanced + w noisy after each system
denoisers=                  # public denoisers as further rows, where installed: rnnoise nsnet2 dtln deepfilternet noisereduce
## Probes and scores
superb_upstreams=conf/ssl/wavlm_base_plus.yaml # YAML of conf/ssl or s3prl name, one or more: what the probes listen to
superb_conf=conf/superb     # directory of <task>.yaml: changes of s3prl's hyper-parameters
scoring_metrics="SI_SNR SDR PESQ_WB ESTOI DNSMOS" # signal metrics of the enhanced test audio
## end of options

. utils/stages.sh
help_message=$(options_help "${BASH_SOURCE[0]}")
. utils/parse_options.sh
[ $# -eq 0 ] || die "found extra words '$*'; expected only --option value"
. ./path.sh
. ./cmd.sh
read -ra py <<< "${python}"
[ "${python}" = python3 ] || export PYTHON=${python} # for local/*.sh
read -ra train_job <<< "${train_cmd}"
[[ " wav flac " == *" ${audio_format} "* ]] \
    || die "found --audio_format ${audio_format}; expected wav or flac: the probes read no archives"

raw=${dumpdir}/raw
streams="wav spk1"
if [ -z "${nj}" ]; then nj=32; [[ ${train_cmd} != run.pl* ]] || nj=$(processors); fi
# what the shared steps ask for, and is fixed here
ref_num=1 train_jobs=1 recognisers="" ssl_conf="" inference_tag=enhanced local_superb_opts=""
enh_config="" enh_tag="" enh_args="" seeds="" speed_perturb_factors="" enh_exp=""
for exp in ${enh_exps}; do enh_exp+="${expdir}/$(basename "${exp}") "; done
: "${enh_label:=${enh_exp//${expdir}\//}}"
. utils/observation_adding.sh
. utils/systems.sh # fills sys_exp, sys_label
[ -n "${enh_exps}" ] || sys_exp=() sys_label=()

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
    run local/data.sh --superb_tasks "${superb_tasks}" --superb_dir "${superb_dir}" ${local_data_opts}
}

stage_2_noisy_test_set() {
    local task csvs=()
    [ -n "${noise_corpora}" ] \
        || die "found no --noise_corpora; expected some of: dns wham musan demand; choose what the systems were not trained on"
    run local/noise.sh --noise_corpora "${noise_corpora}" --noise_dir data/noise
    for task in ${superb_tasks}; do csvs+=("${superb_dir}/${task}/test.csv"); done
    # it keeps what is complete and the same
    run "${py[@]}" -m espnet2_ext.bin.make_noisy_set --csv "${csvs[@]}" \
        --noise_scp data/noise/noise.scp --utt2type data/noise/utt2type \
        --snr "${snr}" --seed "${noise_seed}" --out_dir "data/${superb_test_set}"
}

stage_3_format() {
    check_data "${superb_test_set}"
    format_set "${superb_test_set}" "${raw}/${superb_test_set}" "${streams}"
}

stage_7_enhance() {
    link_systems
    enhance_sets "${superb_test_set}"
}

link_systems() { # the models under exp/ of this recipe, which is where outputs go
    local exp from file
    for exp in ${enh_exps}; do
        from=${expdir}/$(basename "${exp}")
        [ ! "${exp}" -ef "${from}" ] || continue
        for file in config.yaml "${inference_model}"; do
            "${dry_run}" || [ -e "${exp}/${file}" ] \
                || die "found no ${exp}/${file}; expected a trained system; correct --enh_exps or --inference_model (there are: $(cd "${exp}" 2> /dev/null && echo *.pth))"
            x mkdir -p "${from}"
            x ln -sfn "$(realpath -m "${exp}/${file}")" "${from}/${file}"
        done
    done
}

stage_8_score() {
    local exp out=${raw}/${superb_test_set}
    find_rows
    share_out $((2 + ${#row_exp[@]}))
    score_set "${superb_test_set}" "${out}/spk1.scp" "${out}/scoring_clean"
    score_set "${superb_test_set}" "${out}/wav.scp" "${out}/scoring"
    for exp in "${row_exp[@]}"; do
        out=${exp}/enhanced_${superb_test_set}
        score_set "${superb_test_set}" "${out}/spk1.scp" "${out}/scoring"
    done
    wait_jobs
}

stage_13_train_probes() { # once, on clean speech
    wants_probes || return 0
    superb_jobs train
}

stage_14_evaluate_probes() { # every condition with the same probes
    local conditions
    wants_probes || return 0
    find_rows
    superb_conditions
    superb_jobs evaluate --clean_scp "data/${superb_test_set}/spk1.scp" --condition "${conditions[@]}"
}

stage_15_report() {
    [ "${#sys_exp[@]}" -gt 0 ] || die "found no --enh_exps; expected at least one trained system to report on"
    find_rows
    run "${py[@]}" -m espnet2_ext.bin.report --dumpdir "${raw}" --test_sets "${superb_test_set}" \
        --systems "$(report_systems)" --denoisers "$(report_denoisers)" --baseline "${sys_label[0]}" \
        --superb_dir "${expdir}/superb" --superb_tasks "${superb_tasks}" --output_dir "${expdir}"
}

. utils/steps.sh # what the stages above are made of
. utils/downstream.sh
watch_signals
dispatch 0 1 2 3 7 8 13 14 15
