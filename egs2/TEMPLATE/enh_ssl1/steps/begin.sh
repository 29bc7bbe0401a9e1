# shellcheck shell=bash
# shellcheck source-path=SCRIPTDIR/..
# To be sourced by every template: what it does before its stages.
declare stage dry_run dumpdir expdir python option_names systems=""
declare -a unknown_options

begin() { # TEMPLATE WORD...: options, environment, where jobs run, the plan
    template=$1 && shift
    run_args=$(printf '%q ' "./${0##*/}" "$@")
    keep_unknown=true # the plan knows ESPnet's options, and what is close to a mistyped one
    . utils/parse_options.sh
    [ $# -eq 0 ] || die "found extra words '$*'; expected only --option value"
    . ./path.sh
    . ./cmd.sh
    read -ra py <<< "${python}"
    [ "${python}" = python3 ] || export PYTHON=${python} # for local/data.sh
    raw=${dumpdir}/raw
    make_plan
    "${dry_run}" || [ "${stage}" -eq 0 ] || has_espnet \
        || die "found no espnet2 in ${python}; expected an environment;" \
            "run tools/setup.sh or start at --stage 0"
    watch_signals
}

# Checks all options; fills systems, the table of what they describe, and the names that
# stages share.
make_plan() {
    local interpreter=("${py[@]}") words=() planned line name processors
    processors=$(env -u OMP_NUM_THREADS nproc) # nproc alone would answer that
    if ! has_espnet; then # before stage 0, any python3 checks what it can; it may lack, too
        interpreter=(python3)
        if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
            ! "${dry_run}" || die "found no python3 >= 3.10; expected one, which plans a dry run"
            return
        fi
    fi
    : "${stop_stage-}${skip_data_prep-}${skip_train-}${skip_eval-}${skip_packing-}" \
        "${skip_upload_hf-}${skip_downstream-}${gpu_inference-}${use_noise_ref-}${lang-}" \
        "${noise_type_num-}${use_dereverb_ref-}${dereverb_ref_num-}${asr_stats_dir-}" \
        "${enh_config-}${enh_label-}${enh_tag-}${enh_exp-}${seeds-}${init_config-}" \
        "${init_param-}${inference_tag-}${observation_adding-}${denoisers-}" # by name alone
    for name in ${option_names} train_cmd cuda_cmd decode_cmd; do words+=("${name}=${!name}"); done
    for name in "${unknown_options[@]}"; do words+=(--other "${name}"); done
    [[ " ${option_names} " != *" enh_"* ]] || words+=(--output "${expdir}/systems.tsv")
    planned=$("${interpreter[@]}" -m espnet2_ext.bin.plan --template "${template}" \
        --dry_run "${dry_run}" "processors=${processors}" "${words[@]}")
    systems=""
    while IFS= read -r line; do
        if [[ ${line} == *$'\t'* ]]; then
            systems+=${line}$'\n'
        elif [ -n "${line}" ]; then
            printf -v "${line%%=*}" '%s' "${line#*=}"
        fi
    done <<< "${planned}"
    systems=${systems%$'\n'}
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
