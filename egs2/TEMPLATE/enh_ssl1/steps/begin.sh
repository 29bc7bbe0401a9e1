# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR/..
# To be sourced by every template: what it does before its stages.
declare stage dry_run dumpdir expdir python nj train_cmd option_names systems=""

other_name() { # NAME: what an option of ESPnet's scripts is called here, or what to do instead
    case "$1" in
        scoring_protocol) echo scoring_metrics ;;
        spk_num) echo ref_num ;;
        inference_asr_tag) echo asr_tag ;;
        scoring_opts) echo "expected what it asks for in --scoring_metrics: PESQ_WB, DNSMOS" ;;
        score_with_asr) echo "give --asr_exp or --asr_model_file for stages 9 and 10" ;;
        feats_type | use_preprocessor) echo "leave it out; stage 3 always writes audio" ;;
        inf_num | noise_type_num) echo "leave it out; models have --ref_num outputs, one noise" ;;
        skip_upload | skip_upload_hf | hf_repo) echo "leave it out; nothing is uploaded" ;;
        use_lm | lm_* | inference_lm | use_ngram | ngram_exp | nlsyms_txt)
            echo "leave it out; language models are given in the YAML of decoding" ;;
        use_dereverb_ref | dereverb_ref_num | is_tse_task | variable_num_refs | extra_wav_list)
            echo "leave it out; train such systems with ESPnet's own enh.sh" ;;
        download_model) echo "give a trained system's directory as --enh_exp, see superb.sh" ;;
    esac
}

begin() { # TEMPLATE WORD...: options, environment, where jobs run, the plan
    template=$1
    shift
    run_args=$(printf '%q ' "./${0##*/}" "$@")
    . utils/parse_options.sh
    [ $# -eq 0 ] || die "found extra words '$*'; expected only --option value"
    . ./path.sh
    . ./cmd.sh
    read -ra py <<< "${python}"
    [ "${python}" = python3 ] || export PYTHON=${python} # for local/data.sh
    raw=${dumpdir}/raw
    make_plan
    if [ -z "${nj}" ]; then nj=32; [[ ${train_cmd} != run.pl* ]] || nj=$(processors); fi
    "${dry_run}" || [ "${stage}" -eq 0 ] || has_espnet \
        || die "found no espnet2 in ${python}; expected an environment;" \
            "run tools/setup.sh or start at --stage 0"
    watch_signals
}

make_plan() { # checks all options; fills systems, the table of what they describe
    local interpreter=("${py[@]}") words=() name
    if ! has_espnet; then # before stage 0, any python3 checks what it can; it may lack, too
        interpreter=(python3)
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null || return 0
    fi
    for name in ${option_names} train_cmd cuda_cmd decode_cmd; do words+=("${name}=${!name}"); done
    [[ " ${option_names} " != *" enh_"* ]] || words=(--output "${expdir}/systems.tsv" "${words[@]}")
    systems=$("${interpreter[@]}" -m espnet2_ext.bin.plan --template "${template}" \
        --dry_run "${dry_run}" "${words[@]}" "processors=$(processors)")
}

has_espnet() { # not asked of something like --python "coverage run"
    [ "${#py[@]}" -eq 1 ] || return 0
    command -v "${py[0]}" > /dev/null && "${py[@]}" -c \
        'import importlib.util as u, sys; sys.exit(u.find_spec("espnet2") is None)'
}

rows() { # KIND FIELD...: these fields of the table's rows of a kind; any: all but first stages
    awk -F '\t' -v kind="$1" -v fields="${*:2}" '
        NR == 1 { n = split(fields, want, " "); for (i = 1; i <= NF; i++) column[$i] = i; next }
        kind == $3 || kind == "any" && $3 != "first_stage" {
            for (i = 1; i <= n; i++) printf "%s%s", $column[want[i]], i < n ? "\t" : "\n"
        }' <<< "${systems}"
}

conditions() { # SET: lines `name audio directory` of clean, noisy and each row of the table
    local row exp enhanced
    printf '%s\t%s\t%s\n' clean "${raw}/$1/spk1.scp" "${raw}/$1"
    printf '%s\t%s\t%s\n' noisy "${raw}/$1/wav.scp" "${raw}/$1"
    while IFS=$'\t' read -r row exp enhanced; do
        printf '%s\t%s\t%s\n' "${row}" "${exp}/${enhanced}_$1/spk1.scp" "${exp}/${enhanced}_$1"
    done < <(rows any row exp enhanced)
}

resume_script() { # FILE STAGE: the way back to this stage, as ESPnet leaves it
    printf '#!/usr/bin/env bash\ncd %q && %s--stage %s "$@"\n' "${PWD}" "${run_args}" "$2" \
        | write_file "$1"
    x chmod +x "$1"
}

stage_0_environment() {
    if [ "${python}" = python3 ] && ! has_espnet; then
        run "${MAIN_ROOT}/tools/setup.sh" # ends with the check
        . ./path.sh
        "${dry_run}" || make_plan # now with what needs an environment
    else
        run "${py[@]}" "${MAIN_ROOT}/tools/check_install.py" --quick
    fi
}
