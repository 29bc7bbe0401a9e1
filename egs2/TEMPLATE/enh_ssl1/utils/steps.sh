# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced by the staged template: what its stages are made of.

# ---- which stages run --------------------------------------------------------
dispatch() { # NUMBER...: the stages of this template
    local n start
    if ! [[ "${stage} ${stop_stage}" =~ ^[0-9]+\ [0-9]+$ ]] || [ "${stage}" -gt "${!#}" ]; then
        die "found --stage ${stage} --stop_stage ${stop_stage}; expected numbers, the first at most ${!#}"
    fi
    "${dry_run}" || [ "${stage}" -eq 0 ] || has_espnet \
        || die "found no espnet2 in ${python}; expected an environment; run tools/setup.sh or start at --stage 0"
    for ((n = stage; n <= stop_stage && n <= ${!#}; n++)); do
        if [[ " $* " != *" ${n} "* ]]; then
            [[ "${n}" != "${stage}" && "${n}" != "${stop_stage}" ]] || log "Stage ${n}: not in this template"
        elif ! is_skipped "${n}"; then
            start=${SECONDS}
            log "Stage ${n}: $(stage_title "${n}")"
            "$(compgen -A function "stage_${n}_")"
            log "Stage ${n} done in $((SECONDS - start)) s"
        fi
    done
}

stage_title() { # NUMBER: from the function's name
    local name
    name=$(compgen -A function "stage_$1_")
    name=${name#stage_"$1"_}
    echo "${name//_/ }"
}

is_skipped() { # NUMBER
    local why=""
    case "$1" in
        [1-4]) "${skip_data_prep}" && why=skip_data_prep ;;
        5 | 6) "${skip_train}" && why=skip_train ;;
        7 | 8 | 15) "${skip_eval}" && why=skip_eval ;;
        9 | 10 | 13 | 14) "${skip_downstream}" && why=skip_downstream ;;
        11) "${skip_packing}" && why=skip_packing ;;
    esac
    [ -n "${why}" ] && log "Stage $1: left out (--${why} true)"
}

has_espnet() { # not asked of something like --python "coverage run"
    [ "${#py[@]}" -eq 1 ] || return 0
    command -v "${py[0]}" > /dev/null && "${py[@]}" -c \
        'import importlib.util as u, sys; sys.exit(u.find_spec("espnet2") is None)'
}

resume_script() { # FILE STAGE: the way back to this stage, as ESPnet leaves it
    printf '#!/usr/bin/env bash\ncd %q && %s--stage %s "$@"\n' "${PWD}" "${run_args}" "$2" | write_file "$1"
    x chmod +x "$1"
}

# ---- data: stages 1 to 4 -----------------------------------------------------
noisy_streams() { # streams of training and validation sets
    if "${use_noise_ref}"; then echo "${streams} noise1"; else echo "${streams}"; fi
}

set_inputs() { # DIR: fingerprint arguments of a data directory
    local file
    inputs=()
    for file in "$1"/*; do
        case "${file}" in
            *.scp) inputs+=(--audio "${file}") ;;
            *) [ ! -f "${file}" ] || inputs+=(--input "${file}") ;;
        esac
    done
}

check_data() { # SET...: all problems at once, unless nothing changed since
    local dset inputs all=() print checked=${raw}/.checked.$1 # data/ may be read-only
    for dset in "$@"; do
        set_inputs "data/${dset}"
        all+=("${inputs[@]}")
    done
    print=$(fingerprint --option "$*" "${all[@]}" 2> /dev/null) || print="" # then it has to look
    up_to_date "${checked}" "${print:-never}" && return
    run "${py[@]}" -m espnet2_ext.bin.check_data "${@/#/data/}"
    stamp "${checked}" "${print}"
}

format_set() { # SET DIR STREAMS
    local dset=$1 dir=$2 n print inputs
    set_inputs "data/${dset}"
    print=$(fingerprint "${inputs[@]}" --option "$3 ${fs} ${audio_format}")
    up_to_date "${dir}/.stamp" "${print}" "${dir}/wav.scp" "${dir}/utt2num_samples" && return
    n=$(at_most "${nj}" "$(count_lines "data/${dset}/wav.scp")")
    set -- -m espnet2_ext.bin.format_data --data_dir "data/${dset}" --out_dir "${dir}" \
        --streams "$3" --fs "${fs}" --audio_format "${audio_format}" --num_jobs "${n}"
    fresh_logdir "${dir}/logs" "${print} ${n}"
    start_job "format ${dset}" "${dir}/logs/format.1.log" \
        x "${train_job[@]}" "${pick[@]}" JOB=1:"${n}" "${dir}/logs/format.JOB.log" "${py[@]}" "$@" --job JOB
    wait_jobs
    run "${py[@]}" "$@" --merge true
    done_logdir "${dir}/logs"
    stamp "${dir}/.stamp" "${print}"
}

# ---- training, of any template -----------------------------------------------
refuse_other_config() { # EXP FINGERPRINT: one directory is one experiment
    "${dry_run}" || [ ! -e "$1/checkpoint.pth" ] && return
    [ -e "$1/.inputs" ] || { log "  $1: begun elsewhere, will be resumed as it is"; return; }
    local changed
    changed=$(changed_inputs "$1/.inputs" "$2") || exit
    [ -z "${changed}" ] || die "found a training already begun in $1 from other inputs ('<' then, '>' now):
${changed}
expected the same inputs, because going on would mix two experiments. What may change is how long it
trains and how: $("${py[@]}" -m espnet2_ext.bin.training_inputs --may_change).
Change the rest back, give this one a new name (--enh_tag NAME), or remove $1."
}

training_threads() { # of one training on CPUs: they share the processors of this machine
    if [ -n "${train_threads}" ]; then
        echo "${train_threads}"
    elif [[ ${ngpu} -eq 0 && ${cuda_cmd} == run.pl* ]]; then
        at_most $(($(processors) / train_jobs)) 8
    else
        echo 1
    fi
}

# ---- enhancement, scores, report: stages 7 to 15 -----------------------------
share_out() { # TASKS: how many jobs each gets, and how many tasks run side by side
    splits=${inference_nj:-$((nj / $1))}
    splits=$((splits > 1 ? splits : 1))
    jobs_at_once=$((nj / splits > 1 ? nj / splits : 1))
}

enhance_sets() { # SET...: with everything that has a row, what is not done yet
    local i dset print todo scps=()
    find_rows
    share_out $((${#row_exp[@]}))
    for dset in "$@"; do scps+=("${raw}/${dset}/wav.scp"); done
    # ESPnet writes a file named after each id, wherever that leads
    run "${py[@]}" -m espnet2_ext.bin.check_ids "${scps[@]}"
    for i in "${!sys_exp[@]}"; do
        todo=()
        for dset in "$@"; do
            print=$(enhance_print "${sys_exp[i]}" "${dset}")
            up_to_date "${sys_exp[i]}/${inference_tag}_${dset}/.stamp" "${print}" \
                "${sys_exp[i]}/${inference_tag}_${dset}/spk1.scp" || todo+=("${dset}")
        done
        [ "${#todo[@]}" -eq 0 ] || start_job "enhance ${todo[*]} with ${sys_exp[i]##*/}" \
            "${sys_exp[i]}/${inference_tag}_${todo[0]}/logdir/enh_inference.1.log" enhance_system "${sys_exp[i]}" "${todo[@]}"
    done
    for i in "${!denoiser_exp[@]}"; do
        start_job "denoise $* with ${denoiser_name[i]}" "${denoiser_exp[i]}/${inference_tag}_$1/logdir/denoise.1.log" \
            denoise_sets "${denoiser_name[i]}" "${denoiser_exp[i]}" "$@"
    done
    add_observations "$@"
}

denoise_sets() { # NAME EXP SET..., in the background: a public denoiser, no training
    local name=$1 exp=$2 dset dir n print job
    shift 2
    read -ra job <<< "${decode_cmd}"
    for dset in "$@"; do
        dir=${exp}/${inference_tag}_${dset}
        print=$(fingerprint --audio "${raw}/${dset}/wav.scp" --option "${name}")
        up_to_date "${dir}/.stamp" "${print}" "${dir}/spk1.scp" && continue
        n=$(at_most "${splits}" "$(count_lines "${raw}/${dset}/wav.scp")")
        fresh_logdir "${dir}/logdir" "${print} ${n}"
        split_keys "${raw}/${dset}/wav.scp" "${n}" "${dir}/logdir/keys"
        x "${job[@]}" "${pick[@]}" JOB=1:"${n}" "${dir}/logdir/denoise.JOB.log" \
            "${py[@]}" -m espnet2_ext.bin.denoise --denoiser "${name}" --scp "${raw}/${dset}/wav.scp" \
            --key_file "${dir}/logdir/keys.JOB.scp" --out_dir "${dir}/logdir/output.JOB"
        merge_scp "${dir}" spk1.scp "${n}" "${raw}/${dset}/wav.scp"
        stamp "${dir}/.stamp" "${print}"
    done
}

enhance_print() { # EXP SET
    local model=$1/${inference_model}
    "${dry_run}" || [ -e "${model}" ] || die "found no ${model}; expected a trained model; run stage 6 or give --inference_model (there are: $(cd "$1" 2> /dev/null && echo *.pth))"
    fingerprint --input "${model}" --input "$1/config.yaml" --audio "${raw}/$2/wav.scp" \
        ${inference_enh_config:+--input "${inference_enh_config}"} --option "${fs} ${inference_args}"
}

enhance_system() { # EXP SET..., in the background: from a copy that needs no SSL model
    local exp=$1 dset dir n print spk type=sound gpu=0 job
    shift
    [[ ${audio_format} != *ark* ]] || type=kaldi_ark
    read -ra job <<< "${decode_cmd}"
    "${gpu_inference}" && gpu=1 && read -ra job <<< "${cuda_cmd}"
    x "${py[@]}" -m espnet2_ext.bin.export --exp_dir "${exp}" --model_file "${inference_model}" \
        ${inference_enh_config:+--inference_config "${inference_enh_config}"}
    for dset in "$@"; do
        dir=${exp}/${inference_tag}_${dset}
        print=$(enhance_print "${exp}" "${dset}")
        n=$(at_most "${splits}" "$(count_lines "${raw}/${dset}/wav.scp")")
        fresh_logdir "${dir}/logdir" "${print} ${n}"
        split_keys "${raw}/${dset}/wav.scp" "${n}" "${dir}/logdir/keys"
        # shellcheck disable=SC2086 # inference_args is meant to be split
        x "${job[@]}" --gpu "${gpu}" "${pick[@]}" JOB=1:"${n}" "${dir}/logdir/enh_inference.JOB.log" \
            "${py[@]}" -m espnet2_ext -m espnet2.bin.enh_inference --ngpu "${gpu}" --fs "${fs}" \
            --data_path_and_name_and_type "${raw}/${dset}/wav.scp,speech_mix,${type}" \
            --key_file "${dir}/logdir/keys.JOB.scp" --output_dir "${dir}/logdir/output.JOB" \
            --train_config "${exp}/portable/config.yaml" --model_file "${exp}/portable/model.pth" \
            ${inference_enh_config:+--inference_config "${inference_enh_config}"} ${inference_args}
        for ((spk = 1; spk <= ref_num; spk++)); do
            merge_scp "${dir}" "spk${spk}.scp" "${n}" "${raw}/${dset}/wav.scp"
        done
        stamp "${dir}/.stamp" "${print}"
    done
}

merge_scp() { # DIR NAME JOBS SCP: DIR/NAME from the jobs' outputs, as many lines as SCP
    local j parts=()
    "${dry_run}" && return
    for ((j = 1; j <= $3; j++)); do parts+=("$1/logdir/output.${j}/$2"); done
    LC_ALL=C sort "${parts[@]}" | write_file "$1/$2"
    [ "$(count_lines "$1/$2")" -eq "$(count_lines "$4")" ] \
        || die "found $(count_lines "$1/$2") lines in $1/$2; expected $(count_lines "$4") as in $4; see $1/logdir/*.log"
}

score_set() { # SET SCP DIR: start scoring the audio of SCP, unless it is done
    local print text=${raw}/$1/text conf inputs=()
    [ -z "${recognisers}" ] || "${dry_run}" || [ -e "${text}" ] \
        || die "found no ${text}; --recognisers '${recognisers}' needs it; add text in local/data.sh or give --recognisers ''"
    [ ! -e "${text}" ] || inputs+=(--input "${text}")
    for conf in ${ssl_conf}; do inputs+=(--input "${conf}"); done
    print=$(fingerprint --audio "${raw}/$1/spk1.scp" --audio "$2" "${inputs[@]}" \
        --option "${scoring_metrics} / ${recognisers}")
    up_to_date "$3/.stamp" "${print}" "$3/scores.jsonl" && return
    start_job "score $3" "$3/logdir/score.1.log" score_job "$1" "$2" "$3" "${print}"
}

score_job() { # SET SCP DIR FINGERPRINT, in the background
    local n job words=()
    read -ra job <<< "${decode_cmd}"
    [ -z "${recognisers}" ] || words=(--text "${raw}/$1/text")
    n=$(at_most "${splits}" "$(count_lines "$2")")
    fresh_logdir "$3/logdir" "$4 ${n}"
    split_keys "$2" "${n}" "$3/logdir/keys"
    x "${job[@]}" "${pick[@]}" JOB=1:"${n}" "$3/logdir/score.JOB.log" \
        "${py[@]}" -m espnet2_ext.bin.score --ref_scp "${raw}/$1/spk1.scp" --inf_scp "$2" "${words[@]}" \
        --key_file "$3/logdir/keys.JOB.scp" --metrics "${scoring_metrics}" --recognisers "${recognisers}" \
        --ssl_conf "${ssl_conf}" --output "$3/logdir/scores.JOB.jsonl"
    x "${py[@]}" -m espnet2_ext.bin.collect_scores --scoring_dir "$3"
    stamp "$3/.stamp" "$4"
}

report_systems() { # LABEL=EXP,EXP ...: the seeds of a row together
    local i last="" text=""
    for i in "${!trained_exp[@]}"; do
        if [ "${trained_label[i]}" = "${last}" ]; then
            text+=",${trained_exp[i]}"
        else
            text+="${text:+ }${trained_label[i]}=${trained_exp[i]}"
        fi
        last=${trained_label[i]}
    done
    echo "${text}"
}

report_denoisers() { # LABEL=EXP ...
    local i
    for i in "${!denoiser_exp[@]}"; do printf '%s=%s ' "${denoiser_label[i]}" "${denoiser_exp[i]}"; done
}
