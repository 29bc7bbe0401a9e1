# shellcheck shell=bash
# To be sourced by the templates: data directories, stages 1 to 4.
declare raw nj fs audio_format train_cmd min_wav_duration max_wav_duration train_set valid_set
declare local_data_opts
declare -a py

check_data() { # SET...: all problems at once, unless nothing changed since
    local print checked=${raw}/.checked.$1 # data/ may be read-only
    print=$(fingerprint --option "$*" --data_dir "${@/#/data/}" 2> /dev/null) \
        || print="" # then it has to look
    up_to_date "${checked}" "${print:-never}" && return
    run "${py[@]}" -m espnet2_ext.bin.check_data "${@/#/data/}"
    stamp "${checked}" "${print}"
}

# shellcheck disable=SC2120 # most templates add nothing
prepare_data() { # [OPTION...]: the recipe's own preparation
    # shellcheck disable=SC2086 # options are meant to be split
    run local/data.sh "$@" ${local_data_opts}
}

make_set() { # NAME SET DIR PRINT COMMAND...: in jobs with --job JOB, then with --merge true
    local name=$1 dir=$3 n command
    n=$(at_most "${nj}" "$(count_lines "data/$2/wav.scp")")
    command=("${py[@]}" "${@:5}" --num_jobs "${n}")
    start_in_jobs "${name}" "${dir}/.stamp" "$4" "${train_cmd}" "${n}" \
        "${dir}/logs/${name%% *}.JOB.log" --then "${command[*]@Q} --merge true" -- \
        "${command[@]}" --job JOB
    wait_jobs
}

perturb_speed() { # SET NEW_SET STREAMS FACTORS
    local print
    print=$(fingerprint --audio "data/$1/wav.scp" --option "$3 $4")
    up_to_date "data/$2/.stamp" "${print}" "data/$2/wav.scp" && return
    make_set "speed $4" "$1" "data/$2" "${print}" -m espnet2_ext.bin.perturb_speed \
        --data_dir "data/$1" --out_dir "data/$2" --streams "$3" --factors "$4"
}

format_set() { # SET DIR STREAMS [AUDIO_FORMAT]
    local print format=${4:-${audio_format}}
    print=$(fingerprint --data_dir "data/$1" --option "$3 ${fs} ${format}")
    up_to_date "$2/.stamp" "${print}" "$2/wav.scp" "$2/utt2num_samples" && return
    make_set "format $1" "$1" "$2" "${print}" -m espnet2_ext.bin.format_data \
        --data_dir "data/$1" --out_dir "$2" --streams "$3" --fs "${fs}" --audio_format "${format}"
}

format_sets() { # TRAIN_STREAMS STREAMS TEST_SET...: what is trained on goes to be filtered
    local dset
    for dset in "${train_set}" "${valid_set}"; do
        format_set "${dset}" "${raw}/org/${dset}" "$1"
    done
    for dset in "${@:3}"; do
        [ "${dset}" = "${valid_set}" ] || format_set "${dset}" "${raw}/${dset}" "$2"
    done
}

stage_4_filter() { # dump/raw/SET is dump/raw/org/SET without too short and too long ones
    local dset print range="${fs} ${min_wav_duration} ${max_wav_duration}"
    for dset in "${train_set}" "${valid_set}"; do
        print=$(fingerprint --audio "${raw}/org/${dset}/wav.scp" --option "${range}")
        up_to_date "${raw}/${dset}/.stamp" "${print}" "${raw}/${dset}/wav.scp" && continue
        run "${py[@]}" -m espnet2_ext.bin.filter_data --in_dir "${raw}/org/${dset}" \
            --out_dir "${raw}/${dset}" --fs "${fs}" \
            --min_wav_duration "${min_wav_duration}" --max_wav_duration "${max_wav_duration}"
        stamp "${raw}/${dset}/.stamp" "${print}"
    done
}

audio_type() { # AUDIO_FORMAT: as espnet2 calls it
    if [[ $1 == *ark* ]]; then echo kaldi_ark; else echo sound; fi
}
