# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced after steps.sh: decoding with a given ESPnet recogniser, and its scores.
#
# Options the template declares (ESPnet's names):
#   asr_exp=                # experiment directory of the recogniser; or
#   asr_model_file=         # its weights with config.yaml beside them, or a packed archive
#   inference_asr_model=valid.acc.ave.pth # weights within asr_exp
#   asr_config=             # configuration, where it is not beside the weights
#   asr_tag=                # names the result directories; empty: made from the recogniser
#   inference_asr_config=   # YAML of decoding (beam_size, ctc_weight ...)
#   inference_asr_args=     # further options of espnet2.bin.asr_inference
#   asr_test_sets=          # test sets to decode; empty: those with a text file
#
# Stages: stage_9_...() { decode_conditions "${sys_exp[@]}"; }
#         stage_10_...() { score_conditions "${sys_exp[@]}"; }
# The conditions are clean and noisy, and the experiment directories given. Results:
#   clean    ${raw}/<set>/asr_<tag>_clean/      of ${raw}/<set>/spk1.scp
#   noisy    ${raw}/<set>/asr_<tag>_noisy/      of ${raw}/<set>/wav.scp
#   EXP      EXP/${inference_tag}_<set>/asr_<tag>/   of .../spk1.scp beside it
# each with text, score_wer/, score_cer/ and scores.jsonl. The recogniser as it is used
# (absolute paths) is in ${expdir}/asr_<tag>/; the table is ${expdir}/RESULTS_ASR_<tag>.md.

asr_tag=${asr_tag:-}

has_asr() { # whether a recogniser was given
    [ -n "${asr_exp}${asr_model_file}" ]
}

name_asr() { # fills asr_tag and asr_sets
    local dset model=${asr_exp:-${asr_model_file}}
    has_asr || die "found no --asr_exp and no --asr_model_file; expected a recogniser; egs2/debian_speech/asr1 trains one"
    [ -z "${asr_exp}" ] || [ -z "${asr_model_file}" ] \
        || die "found --asr_exp ${asr_exp} and --asr_model_file ${asr_model_file}; expected one of them"
    if [ -z "${asr_tag}" ]; then
        [[ ${model} != *.pth ]] || model=$(dirname "${model}")
        asr_tag=$(basename "${model}")
        asr_tag=${asr_tag#asr_}
        asr_tag=${asr_tag%.zip}${inference_asr_config:+_$(basename "${inference_asr_config}" .yaml)}
    fi
    asr_sets=()
    for dset in ${asr_test_sets:-${test_sets}}; do
        if "${dry_run}" || [ -s "${raw}/${dset}/text" ]; then
            asr_sets+=("${dset}")
        elif [ -n "${asr_test_sets}" ]; then
            die "found no ${raw}/${dset}/text; --asr_test_sets needs transcripts; add text in local/data.sh"
        else
            log "  ${dset}: not decoded, it has no text"
        fi
    done
    [ "${#asr_sets[@]}" -gt 0 ] || die "found no text in any of ${test_sets}; expected transcripts; add text in local/data.sh"
}

asr_dir() { # CONDITION SET: where its results are
    case "$1" in
        clean | noisy) echo "${raw}/$2/asr_${asr_tag}_$1" ;;
        *) echo "$1/${inference_tag}_$2/asr_${asr_tag}" ;;
    esac
}

asr_scp() { # CONDITION SET: its audio
    case "$1" in
        clean) echo "${raw}/$2/spk1.scp" ;;
        noisy) echo "${raw}/$2/wav.scp" ;;
        *) echo "$1/${inference_tag}_$2/spk1.scp" ;;
    esac
}

asr_audio_type() { # CONDITION: as espnet2 calls it; enhanced audio is always wav
    if [[ ${audio_format} == *ark* && ( $1 == clean || $1 == noisy ) ]]; then echo kaldi_ark; else echo sound; fi
}

resolve_asr() { # DIR: check the recogniser; fills asr_flags and asr_print
    local file
    run "${py[@]}" -m espnet2_ext.bin.resolve_asr --out_dir "$1" --fs "${fs}" \
        ${asr_exp:+--asr_exp "${asr_exp}" --inference_asr_model "${inference_asr_model}"} \
        ${asr_model_file:+--asr_model_file "${asr_model_file}"} ${asr_config:+--asr_config "${asr_config}"} \
        ${inference_asr_config:+--inference_config "${inference_asr_config}"}
    asr_flags=(--asr_train_config "$1/config.yaml" --asr_model_file "${asr_model_file:-${asr_exp}/${inference_asr_model}}")
    "${dry_run}" || mapfile -t asr_flags < "$1/flags"
    asr_print=$(
        set --
        for file in "${asr_flags[@]}"; do [ ! -f "${file}" ] || set -- "$@" --input "${file}"; done
        fingerprint "$@" ${inference_asr_config:+--input "${inference_asr_config}"} --option "decode ${inference_asr_args}"
    )
}

decode_conditions() { # EXP...: stage 9, with clean and noisy
    local dset condition
    name_asr
    resolve_asr "${expdir}/asr_${asr_tag}"
    share_out $((${#asr_sets[@]} * (2 + $#)))
    for dset in "${asr_sets[@]}"; do
        for condition in clean noisy "$@"; do
            decode_scp "$(asr_scp "${condition}" "${dset}")" "$(asr_audio_type "${condition}")" \
                "$(asr_dir "${condition}" "${dset}")"
        done
    done
    wait_jobs
}

decode_scp() { # SCP TYPE DIR: start decoding, unless it is done
    local print
    "${dry_run}" || [ -e "$1" ] || die "found no $1; expected audio to decode; run stages 3 and 7"
    print=$(printf '%s\n' "${asr_print}" && fingerprint --audio "$1")
    up_to_date "$3/.stamp.decode" "${print}" "$3/text" && return
    start_job "decode $3" "$3/logdir/asr_inference.1.log" decode_job "$1" "$2" "$3" "${print}"
}

decode_job() { # SCP TYPE DIR FINGERPRINT, in the background
    local n j gpu=0 job parts=()
    read -ra job <<< "${decode_cmd}"
    "${gpu_inference}" && gpu=1 && read -ra job <<< "${cuda_cmd}"
    n=$(at_most "${splits}" "$(count_lines "$1")")
    fresh_logdir "$3/logdir" "$4 ${n}"
    split_keys "$1" "${n}" "$3/logdir/keys"
    # shellcheck disable=SC2086 # inference_asr_args is meant to be split
    x "${job[@]}" --gpu "${gpu}" "${pick[@]}" JOB=1:"${n}" "$3/logdir/asr_inference.JOB.log" \
        "${py[@]}" -m espnet2_ext -m espnet2.bin.asr_inference --ngpu "${gpu}" \
        --data_path_and_name_and_type "$1,speech,$2" --key_file "$3/logdir/keys.JOB.scp" \
        --output_dir "$3/logdir/output.JOB" "${asr_flags[@]}" \
        ${inference_asr_config:+--config "${inference_asr_config}"} ${inference_asr_args}
    "${dry_run}" && return
    for ((j = 1; j <= n; j++)); do parts+=("$3/logdir/output.${j}/1best_recog/text"); done
    LC_ALL=C sort "${parts[@]}" | write_file "$3/text"
    [ "$(count_lines "$3/text")" -eq "$(count_lines "$1")" ] \
        || die "found $(count_lines "$3/text") lines in $3/text; expected $(count_lines "$1") as in $1; see $3/logdir/*.log"
    stamp "$3/.stamp.decode" "$4"
}

score_conditions() { # EXP...: stage 10, with clean and noisy
    local dset condition dir rows=()
    name_asr
    for dset in "${asr_sets[@]}"; do
        for condition in clean noisy "$@"; do
            dir=$(asr_dir "${condition}" "${dset}")
            score_text "${raw}/${dset}" "${dir}"
            rows+=("${dset}/${condition##*/}=${dir}")
        done
    done
    run "${py[@]}" -m espnet2_ext.bin.asr_results --title "ASR ${asr_tag}" \
        --output "${expdir}/RESULTS_ASR_${asr_tag}.md" --asr_dir "${rows[@]}"
}

score_text() { # DATA_DIR DIR: DIR/text against DATA_DIR/text
    local print
    "${dry_run}" || [ -e "$2/text" ] || die "found no $2/text; expected decoded text; run the decoding stage"
    print=$(fingerprint --input "$1/text" --input "$1/utt2spk" --input "$2/text")
    up_to_date "$2/.stamp.score" "${print}" "$2/scores.jsonl" && return
    run "${py[@]}" -m espnet2_ext.bin.score_asr --ref "$1/text" --hyp "$2/text" \
        --utt2spk "$1/utt2spk" --out_dir "$2"
    stamp "$2/.stamp.score" "${print}"
}
