# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # variables are shared with the template
# To be sourced by the staged template: SUPERB-style probes, stages 13 and 14.

_downstream_data=false
downstream_data() { # what the recipe makes for stages 9 to 14; kept when complete
    "${_downstream_data}" && return
    # shellcheck disable=SC2086 # options are meant to be split
    [ ! -e local/superb_data.sh ] || run local/superb_data.sh ${local_superb_opts}
    _downstream_data=true
}

wants_probes() {
    [ -n "${superb_tasks}" ] || { log "  no --superb_tasks: nothing to do"; return 1; }
    [ -n "${superb_upstreams}" ] || die "found no --superb_upstreams; expected a YAML of conf/ssl or an s3prl name such as fbank"
    [[ "${fs}" = 16k || "${fs}" = 16000 ]] || die "found --fs ${fs}; expected 16k: the probes' upstreams take nothing else"
}

superb_jobs() { # train|evaluate OPTION...: one job per upstream, with all tasks in it
    local upstream dir step=$1
    shift
    jobs_at_once=1 # each uses all processors
    for upstream in ${superb_upstreams}; do
        dir=${expdir}/superb/$(basename "${upstream%%=*}" .yaml)
        start_job "${step} probes on $(basename "${dir}")" "${dir}/${step}.log" \
            superb_job "${step}" "${upstream}" "${dir}/${step}.log" "$@"
    done
    wait_jobs
}

superb_job() { # train|evaluate UPSTREAM[=TASK,...] LOG OPTION..., in the background
    local step=$1 upstream=${2%%=*} log=$3 job tasks=${superb_tasks}
    [[ $2 != *=* ]] || tasks=${2#*=}
    shift 3
    read -ra job <<< "${cuda_cmd}"
    x "${job[@]}" --gpu "${ngpu}" "${log}" env OMP_NUM_THREADS="$(training_threads)" \
        "${py[@]}" -m espnet2_ext.bin.superb "${step}" --superb_dir "${superb_dir}" \
        --tasks "${tasks//,/ }" --upstream "${upstream}" \
        ${superb_conf:+--conf_dir "${superb_conf}"} --exp_dir "${expdir}/superb" "$@"
}

superb_conditions() { # fills conditions: clean, noisy, and every row of the table
    local exp
    conditions=("clean=${raw}/${superb_test_set}/spk1.scp" "noisy=${raw}/${superb_test_set}/wav.scp")
    for exp in "${row_exp[@]}"; do
        conditions+=("${exp##*/}=${exp}/${inference_tag}_${superb_test_set}/spk1.scp")
    done
}

joint_columns() { # fills joint: what stages 10 and 14 have left, for the report
    joint=()
    "${skip_downstream}" && return
    if [ -n "${superb_tasks}" ] && compgen -G "${expdir}/superb/*/*/evaluate" > /dev/null; then
        joint+=(--superb_dir "${expdir}/superb" --superb_tasks "${superb_tasks}")
    fi
    has_asr || return 0
    name_asr
    [ ! -e "${expdir}/RESULTS_ASR_${asr_tag}.md" ] || joint+=(--asr_tag "${asr_tag}" --asr_test_sets "${asr_sets[*]}")
}
