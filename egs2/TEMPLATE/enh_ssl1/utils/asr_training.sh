# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced by TEMPLATE/asr1/asr.sh after steps.sh: what its training is made of.

is_skipped() { # NUMBER: the stages of asr.sh
    local why=""
    case "$1" in
        [1-5]) "${skip_data_prep}" && why=skip_data_prep ;;
        10 | 11) "${skip_train}" && why=skip_train ;;
        12 | 13) "${skip_eval}" && why=skip_eval ;;
        14) "${skip_packing}" && why=skip_packing ;;
    esac
    [ -n "${why}" ] && log "Stage $1: left out (--${why} true)"
}

asr_data_flags() { # data_args and shape_args of training
    local part dir type=sound
    [[ ${audio_format} != *ark* ]] || type=kaldi_ark
    data_args=() shape_args=()
    for part in train valid; do
        dir=${raw}/${train_set}
        [ "${part}" = train ] || dir=${raw}/${valid_set}
        data_args+=(
            "--${part}_data_path_and_name_and_type" "${dir}/wav.scp,speech,${type}"
            "--${part}_data_path_and_name_and_type" "${dir}/text,text,text"
        )
        shape_args+=(
            "--${part}_shape_file" "${stats}/${part}/speech_shape"
            "--${part}_shape_file" "${stats}/${part}/text_shape.${token_type}"
        )
    done
    shape_args+=(--fold_length $((asr_speech_fold_length * 100)) --fold_length "${asr_text_fold_length}")
}

asr_data_print() { # ARGUMENT...: fingerprint of data, tokens, YAML and the arguments
    fingerprint --sample "${raw}/${train_set}/wav.scp" --input "${raw}/${train_set}/text" \
        --sample "${raw}/${valid_set}/wav.scp" --input "${raw}/${valid_set}/text" \
        --input "${token_list}" ${asr_config:+--training "${asr_config}"} --option "${cleaner}" "$@"
}

train_asr() { # FINGERPRINT, in the background
    local name=${asr_exp}/train.log lock normalize=(--normalize utterance_mvn)
    if ! "${dry_run}"; then
        exec {lock}> "${asr_exp}/.lock"
        flock -w 3 "${lock}" || die "found another training in ${asr_exp}; expected none; wait for it or stop it"
    fi
    [ "${feats_normalize}" != global_mvn ] \
        || normalize=(--normalize global_mvn --normalize_conf "stats_file=${stats}/train/feats_stats.npz")
    "${dry_run}" || [ "${feats_normalize}" != global_mvn ] || [ -e "${stats}/train/feats_stats.npz" ] \
        || die "found no ${stats}/train/feats_stats.npz; expected statistics of the features; with a frontend that has none in stage 10 (s3prl) give --feats_normalize utterance_mvn"
    [[ ${cuda_cmd} != queue.pl* ]] || name=${name##*/} # queue.pl allows no '/'
    # shellcheck disable=SC2086 # asr_args is meant to be split
    x "${py[@]}" -m espnet2.bin.launch --cmd "${cuda_cmd} --name ${name}" --log "${asr_exp}/train.log" \
        --ngpu "${ngpu}" --num_nodes "${num_nodes}" --init_file_prefix "${asr_exp}/.dist_init_" \
        --multiprocessing_distributed true -- \
        env OMP_NUM_THREADS="$(training_threads)" "${py[@]}" -m espnet2_ext -m espnet2.bin.asr_train \
        "${data_args[@]}" "${shape_args[@]}" "${token_args[@]}" "${normalize[@]}" --frontend_conf "fs=${fs}" \
        --resume true --output_dir "${asr_exp}" ${asr_config:+--config "${asr_config}"} ${asr_args}
    stamp "${asr_exp}/.stamp.train" "$1"
}
