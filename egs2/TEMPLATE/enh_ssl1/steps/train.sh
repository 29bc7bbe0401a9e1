# shellcheck shell=bash
# To be sourced by the templates: statistics and training.
declare raw dry_run ngpu num_nodes train_set valid_set train_cmd cuda_cmd train_threads
declare -a py

data_dir() { # train|valid
    if [ "$1" = train ]; then echo "${raw}/${train_set}"; else echo "${raw}/${valid_set}"; fi
}

# training_files "FILE,NAME,TYPE [SHAPE FOLD]"...: adds files of both sets to data_args, what
# the statistics say of their shapes to shape_args, and speech and text to data_inputs, which
# are what a fingerprint has of them
training_files() {
    local part words file shape fold dir
    for part in train valid; do
        dir=$(data_dir "${part}")
        for words in "$@"; do
            read -r file shape fold <<< "${words}"
            data_args+=("--${part}_data_path_and_name_and_type" "${dir}/${file}")
            [ -z "${shape}" ] || shape_args+=("--${part}_shape_file" "${stats}/${part}/${shape}")
            [[ -z ${shape} || ${part} = valid ]] || shape_args+=(--fold_length "${fold}")
            case "${file%%,*}" in
                *.scp) data_inputs+=(--sample "${dir}/${file%%,*}") ;;
                text) data_inputs+=(--input "${dir}/text") ;;
            esac
        done
    done
}

# collect_statistics [--skip_sum_stats] STATS PRINT N STAGE COMMAND...: in N jobs, then together
collect_statistics() {
    local stats logdir print n stage j join=("${py[@]}" -m espnet2.bin.aggregate_stats_dirs)
    if [ "$1" = --skip_sum_stats ]; then join+=("$1") && shift; fi
    stats=$1 logdir=$1/logdir print=$2 n=$3 stage=$4
    shift 4
    join+=(--output_dir "${stats}")
    for ((j = 1; j <= n; j++)); do join+=(--input_dir "${logdir}/stats.${j}"); done
    start_in_jobs "collect statistics" "" "${print}" "${train_cmd}" "${n}" \
        "${logdir}/stats.JOB.log" --then "${join[*]@Q}" \
        --split "train=${raw}/${train_set}/wav.scp" --split "valid=${raw}/${valid_set}/wav.scp" -- \
        "${py[@]}" "$@" --collect_stats true --output_dir "${logdir}/stats.JOB" \
        --train_shape_file "${logdir}/train.JOB.scp" --valid_shape_file "${logdir}/valid.JOB.scp"
    wait_jobs
    resume_script "${stats}/run.sh" "${stage}"
}

needs_training() { # EXP PRINT: not if it is done; one directory is one experiment
    up_to_date "$1/.stamp.train" "$2" "$1/config.yaml" && return 1
    "${dry_run}" || [ ! -e "$1/checkpoint.pth" ] && return
    [ -e "$1/.inputs" ] || { log "  $1: begun elsewhere, will be resumed as it is"; return; }
    "${py[@]}" -m espnet2_ext.bin.training_inputs --refuse --begun "$1/.inputs" <<< "$2" || exit 1
}

start_training() { # NAME EXP PRINT STAGE COMMAND...: resumed where it was
    local exp=$2 name=$2/train.log
    [[ ${cuda_cmd} != queue.pl* ]] || name=${name##*/} # queue.pl allows no '/'
    stamp "${exp}/.inputs" "$3"
    resume_script "${exp}/run.sh" "$4"
    "${dry_run}" || flock -w 3 "${exp}/.lock" true \
        || die "found another training in ${exp}; expected none; wait for it or stop it"
    start_job "train $1" "${exp}/train.log" "${exp}/.stamp.train" "$3" \
        flock -w 3 "${exp}/.lock" "${py[@]}" -m espnet2.bin.launch \
        --cmd "${cuda_cmd} --name ${name}" --log "${exp}/train.log" \
        --ngpu "${ngpu}" --num_nodes "${num_nodes}" --init_file_prefix "${exp}/.dist_init_" \
        --multiprocessing_distributed true -- env OMP_NUM_THREADS="${train_threads}" \
        "${py[@]}" "${@:5}" --resume true --output_dir "${exp}"
}
