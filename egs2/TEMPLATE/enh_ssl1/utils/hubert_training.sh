# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced by TEMPLATE/ssl1/hubert.sh after steps.sh: what its training is made of.

is_skipped() { # NUMBER: the stages of hubert.sh
    local why=""
    case "$1" in
        [1-4]) "${skip_data_prep}" && why=skip_data_prep ;;
        5 | 7) "${skip_train}" && why=skip_train ;;
        8) "${skip_packing}" && why=skip_packing ;;
    esac
    [ -n "${why}" ] && log "Stage $1: left out (--${why} true)"
}

between() { # FROM TO NUMBER...: those stages of this part that were asked for
    local stage=$((stage > $1 ? stage : $1)) stop_stage=$((stop_stage < $2 ? stop_stage : $2))
    shift 2
    [ "${stage}" -gt "${stop_stage}" ] || dispatch "$@"
}

train_hubert() { # FINGERPRINT, in the background
    local name=${ssl_exp}/train.log lock part dir type=sound args=() network=encoder.hubert_pretrain_model.wav2vec2
    if ! "${dry_run}"; then
        exec {lock}> "${ssl_exp}/.lock"
        flock -w 3 "${lock}" || die "found another training in ${ssl_exp}; expected none; wait for it or stop it"
    fi
    [[ ${audio_format} != *ark* ]] || type=kaldi_ark
    for part in train valid; do
        dir=${raw}/${train_set}
        [ "${part}" = train ] || dir=${raw}/${valid_set}
        # the shape of raw audio is its length, which stage 4 knows: ESPnet's stage 6 is not needed
        args+=("--${part}_data_path_and_name_and_type" "${dir}/wav.scp,speech,${type}"
            "--${part}_data_path_and_name_and_type" "${km_dir}/${part}.km,text,text_int"
            "--${part}_shape_file" "${dir}/utt2num_samples")
    done
    if "${warm_start}" && [ "${iter}" -gt 0 ]; then # all but the units' embeddings
        args+=(--init_param "$(exp_of $((iter - 1)))/${inference_ssl_model}:${network}:${network}")
    fi
    [[ ${cuda_cmd} != queue.pl* ]] || name=${name##*/} # queue.pl allows no '/'
    # shellcheck disable=SC2086 # hubert_args is meant to be split
    x "${py[@]}" -m espnet2.bin.launch --cmd "${cuda_cmd} --name ${name}" --log "${ssl_exp}/train.log" \
        --ngpu "${ngpu}" --num_nodes "${num_nodes}" --init_file_prefix "${ssl_exp}/.dist_init_" \
        --multiprocessing_distributed true -- \
        env OMP_NUM_THREADS="$(training_threads)" "${py[@]}" -m espnet2_ext -m espnet2.bin.hubert_train "${args[@]}" \
        --token_type word --token_list "${km_dir}/tokens.txt" --num_classes "${clusters[iter]}" \
        --resume true --output_dir "${ssl_exp}" --config "${configs[iter]}" ${hubert_args}
    stamp "${ssl_exp}/.stamp.train" "$1"
}
