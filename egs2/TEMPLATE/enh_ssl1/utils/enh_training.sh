# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced by enh_ssl.sh after steps.sh: what its statistics and training are made of.

data_flags() { # data_args, shape_args and data_inputs of training
    local part dir stream type=sound key file
    [[ ${audio_format} != *ark* ]] || type=kaldi_ark
    data_args=() shape_args=() data_inputs=()
    for part in train valid; do
        dir=${raw}/${train_set}
        [ "${part}" = train ] || dir=${raw}/${valid_set}
        for stream in $(noisy_streams); do
            key=speech_mix
            [[ ${stream} != spk* ]] || key=speech_ref${stream#spk}
            [[ ${stream} != noise* ]] || key=noise_ref${stream#noise}
            data_args+=("--${part}_data_path_and_name_and_type" "${dir}/${stream}.scp,${key},${type}")
            data_inputs+=(--sample "${dir}/${stream}.scp")
            shape_args+=("--${part}_shape_file" "${stats}/${part}/${key}_shape")
            [ "${part}" = valid ] || shape_args+=(--fold_length $((enh_speech_fold_length * 100)))
        done
        for file in utt2category,category,text utt2fs,fs,text_int; do
            [ ! -e "${raw}/${train_set}/${file%%,*}" ] || [ ! -e "${raw}/${valid_set}/${file%%,*}" ] \
                || data_args+=("--${part}_data_path_and_name_and_type" "${dir}/${file}")
        done
    done
}

start_of() { # INDEX: the model that its training starts from, if any
    echo "${init_param//SEED/${sys_seed[$1]}}"
}

require_starts() { # before any training: the models that they start from
    local i model
    for i in "${!sys_exp[@]}"; do
        model=$(start_of "${i}")
        model=${model%%:*}
        "${dry_run}" || [ -z "${model}" ] || [ -e "${model}" ] \
            || die "found no ${model}; expected the model that --init_param starts from; train it first (stage 6), or name another"
    done
}

training_print() { # INDEX
    local start
    start=$(start_of "$1")
    fingerprint "${data_inputs[@]}" ${sys_config[$1]:+--training "${sys_config[$1]}"} \
        --option "seed ${sys_seed[$1]}" --option "enh_args ${enh_args}" \
        --option "init_param ${start}" ${start:+--input "${start%%:*}"} --option "fold_length ${enh_speech_fold_length}"
}

check_init_config() {
    [ -n "${init_config}" ] || return 0
    [ -r "${init_config}" ] || die "found --init_config ${init_config}, which cannot be read; expected a YAML file"
    [[ " ${enh_config} " != *" ${init_config} "* ]] \
        || die "found --init_config ${init_config} in --enh_config, too; expected a first stage for other systems; leave it out of one"
}

check_configs() { # WITH_START INDEX...: YAMLs, and what they start from; all problems at once
    local i words=() start
    for i in "${@:2}"; do
        start=$(start_of "${i}")
        "$1" || start=""
        [ -z "${sys_config[i]}" ] || words+=(--config "${sys_config[i]}" --init_param "${start}")
    done
    [[ ${#words[@]} -eq 0 || ${configs_checked} = "${words[*]}" ]] && return
    configs_checked=${words[*]}
    run "${py[@]}" -m espnet2_ext.bin.check_config "${words[@]}" --enh_args "${enh_args}"
}
configs_checked=""

train_first_stage() { # --init_config with each seed; init_param is then what it made
    local enh_config=${init_config} enh_label="" enh_tag="" enh_exp=""
    local sys_exp=() sys_label=() sys_config=() sys_seed=()
    list_systems
    train_systems
    init_param=${sys_exp[0]%"${sys_seed[0]}"}${sys_seed[0]:+SEED}/${inference_model}
}

train_systems() { # those of sys_exp that are not trained yet
    local i print todo=()
    local -A prints=()
    require_starts
    for i in "${!sys_exp[@]}"; do
        print=$(training_print "${i}")
        up_to_date "${sys_exp[i]}/.stamp.train" "${print}" "${sys_exp[i]}/config.yaml" && continue
        refuse_other_config "${sys_exp[i]}" "${print}"
        todo+=("${i}") prints[${i}]=${print}
    done
    check_configs true "${todo[@]}"
    for i in "${todo[@]}"; do
        print=${prints[${i}]}
        stamp "${sys_exp[i]}/.inputs" "${print}"
        resume_script "${sys_exp[i]}/run.sh" 6
        start_job "train ${sys_label[i]}${sys_seed[i]:+ seed ${sys_seed[i]}}" "${sys_exp[i]}/train.log" \
            train_system "${i}" "${print}"
    done
    wait_jobs
}

train_system() { # INDEX FINGERPRINT, in the background
    local exp=${sys_exp[$1]} name=${sys_exp[$1]}/train.log lock start
    start=$(start_of "$1")
    if ! "${dry_run}"; then
        exec {lock}> "${exp}/.lock"
        flock -w 3 "${lock}" || die "found another training in ${exp}; expected none; wait for it or stop it"
    fi
    [[ ${cuda_cmd} != queue.pl* ]] || name=${name##*/} # queue.pl allows no '/'
    # shellcheck disable=SC2086 # enh_args is meant to be split
    x "${py[@]}" -m espnet2.bin.launch --cmd "${cuda_cmd} --name ${name}" --log "${exp}/train.log" \
        --ngpu "${ngpu}" --num_nodes "${num_nodes}" --init_file_prefix "${exp}/.dist_init_" \
        --multiprocessing_distributed true -- \
        env OMP_NUM_THREADS="$(training_threads)" "${py[@]}" -m espnet2_ext.bin.enh_ssl_train "${data_args[@]}" "${shape_args[@]}" \
        --resume true --output_dir "${exp}" ${sys_seed[$1]:+--seed "${sys_seed[$1]}"} \
        ${start:+--init_param "${start}"} ${sys_config[$1]:+--config "${sys_config[$1]}"} ${enh_args}
    stamp "${exp}/.stamp.train" "$2"
}
