# shellcheck shell=bash
# To be sourced by the templates: decoding with a given ESPnet recogniser, and its scores.
# The conditions are clean, noisy and the rows of the table. Their results are in
#   ${raw}/<set>/asr_<tag>_clean, ${raw}/<set>/asr_<tag>_noisy, EXP/<enhanced>_<set>/asr_<tag>
# each with text, score_wer/, score_cer/ and scores.jsonl. The recogniser as it is used
# (absolute paths) is in ${expdir}/asr_<tag>/; the table is ${expdir}/RESULTS_ASR_<tag>.md.
declare raw expdir fs dry_run audio_format test_sets inference_cmd inference_ngpu
declare asr_exp asr_model_file asr_config asr_tag asr_test_sets
declare inference_asr_model inference_asr_config inference_asr_args
declare -a py

has_asr() { # whether a recogniser was given
    [ -n "${asr_exp}${asr_model_file}" ]
}

find_asr_sets() { # fills asr_sets: those with a text, which sets asked for by name all need
    local all_needed=${asr_test_sets:+true} words=${asr_test_sets:-${test_sets}}
    read -ra asr_sets <<< "${words}"
    "${dry_run}" && return
    words=$("${py[@]}" -m espnet2_ext.bin.sets_with_text --dir "${raw}" \
        --all_needed "${all_needed:-false}" "${asr_sets[@]}") || exit 1
    read -ra asr_sets <<< "${words}"
}

asr_conditions() { # SET: lines `name audio type directory`; enhanced audio is always wav
    local name scp dir
    while IFS=$'\t' read -r name scp dir; do
        case "${name}" in
            clean | noisy) printf '%s\t' "${name}" "${scp}" "$(audio_type "${audio_format}")"
                printf '%s\n' "${dir}/asr_${asr_tag}_${name}" ;;
            *) printf '%s\t%s\tsound\t%s\n' "${name}" "${scp}" "${dir}/asr_${asr_tag}" ;;
        esac
    done < <(conditions "$1")
}

decode_conditions() { # stage 9
    local dset scp type dir
    find_asr_sets
    resolve_asr "${expdir}/asr_${asr_tag}" "${asr_model_file:-${asr_exp}/${inference_asr_model}}" \
        "${inference_asr_config}" "${inference_asr_args}" \
        ${asr_exp:+--asr_exp "${asr_exp}" --inference_asr_model "${inference_asr_model}"} \
        ${asr_model_file:+--asr_model_file "${asr_model_file}"} \
        ${asr_config:+--asr_config "${asr_config}"}
    share_out $((${#asr_sets[@]} * $(asr_conditions "" | wc -l)))
    for dset in "${asr_sets[@]}"; do
        while IFS=$'\t' read -r _ scp type dir; do
            decode_scp "${scp}" "${type}" "${dir}"
        done < <(asr_conditions "${dset}")
    done
    wait_shared
}

# resolve_asr DIR MODEL CONFIG ARGS OPTION...: check the recogniser; fills asr_flags, which
# are how it is called, and asr_print
resolve_asr() {
    local dir=$1 model=$2 config=$3 args inputs=() file
    read -ra args <<< "$4"
    run "${py[@]}" -m espnet2_ext.bin.resolve_asr --out_dir "${dir}" --fs "${fs}" "${@:5}" \
        ${config:+--inference_config "${config}"}
    asr_flags=(--asr_train_config "${dir}/config.yaml" --asr_model_file "${model}")
    "${dry_run}" || mapfile -t asr_flags < "${dir}/flags"
    for file in "${asr_flags[@]}" ${config:+"${config}"}; do
        [ ! -f "${file}" ] || inputs+=(--input "${file}")
    done
    asr_print=$(fingerprint "${inputs[@]}" --option "decode $4")
    asr_flags+=(${config:+--config "${config}"} "${args[@]}")
}

decode_scp() { # SCP TYPE DIR: start decoding, unless it is done
    local print
    "${dry_run}" || [ -e "$1" ] \
        || die "found no $1; expected audio to decode; run stages 3 and 7"
    print=$(printf '%s\n' "${asr_print}" && fingerprint --audio "$1")
    start_parallel "decode $3" "${inference_cmd}" "$1" "$3/.stamp.decode" "${print}" \
        asr_inference 1best_recog/text -- "${py[@]}" -m espnet2_ext -m espnet2.bin.asr_inference \
        --ngpu "${inference_ngpu}" --data_path_and_name_and_type "$1,speech,$2" \
        --key_file "$3/logdir/keys.JOB.scp" --output_dir "$3/logdir/output.JOB" "${asr_flags[@]}"
}

score_conditions() { # stage 10
    local dset name dir results=()
    has_asr || return 0
    find_asr_sets
    for dset in "${asr_sets[@]}"; do
        while IFS=$'\t' read -r name _ _ dir; do
            score_text "${raw}/${dset}" "${dir}"
            results+=("${dset}/${name}=${dir}")
        done < <(asr_conditions "${dset}")
    done
    run "${py[@]}" -m espnet2_ext.bin.asr_results --title "ASR ${asr_tag}" \
        --output "${expdir}/RESULTS_ASR_${asr_tag}.md" --asr_dir "${results[@]}"
}

score_text() { # DATA_DIR DIR: DIR/text against DATA_DIR/text
    local print
    "${dry_run}" || [ -e "$2/text" ] \
        || die "found no $2/text; expected decoded text; run the decoding stage"
    print=$(fingerprint --input "$1/text" --input "$1/utt2spk" --input "$2/text")
    up_to_date "$2/.stamp.score" "${print}" "$2/scores.jsonl" && return
    run "${py[@]}" -m espnet2_ext.bin.score_asr --ref "$1/text" --hyp "$2/text" \
        --utt2spk "$1/utt2spk" --out_dir "$2"
    stamp "$2/.stamp.score" "${print}"
}
