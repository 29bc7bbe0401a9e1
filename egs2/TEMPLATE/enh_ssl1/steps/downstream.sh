# shellcheck shell=bash
# To be sourced by the templates: SUPERB-style probes, stages 13 and 14, and the report.
declare raw expdir systems ngpu cuda_cmd train_threads local_superb_opts
declare report_by superb_tasks superb_dir superb_test_set superb_upstreams superb_conf
declare -a py

downstream_data() { # what the recipe makes for stages 9 to 14, once; kept when complete
    [[ ! -e local/superb_data.sh || -n ${downstream_data_is_made} ]] && return
    # shellcheck disable=SC2086 # options are meant to be split
    run local/superb_data.sh ${local_superb_opts}
    downstream_data_is_made=true
}
downstream_data_is_made=""

wants_probes() {
    [ -n "${superb_tasks}" ] || { log "  no --superb_tasks: nothing to do"; return 1; }
}

train_probes() { # once, on clean speech
    wants_probes || return 0
    downstream_data
    superb_jobs train
}

evaluate_probes() { # every condition with the same probes
    local name scp conditions=()
    while IFS=$'\t' read -r name scp _; do
        conditions+=("${name}=${scp}")
    done < <(conditions "${superb_test_set}")
    superb_jobs evaluate --clean_scp "data/${superb_test_set}/spk1.scp" \
        --condition "${conditions[@]}"
}

superb_jobs() { # train|evaluate OPTION...: one job per upstream, with all tasks in it
    local step=$1 word upstream tasks dir job
    shift
    read -ra job <<< "${cuda_cmd}"
    for word in ${superb_upstreams}; do # NAME or NAME=TASK,TASK
        upstream=${word%%=*} tasks=${superb_tasks}
        [[ ${word} != *=* ]] || tasks=${word#*=}
        dir=${expdir}/superb/$(basename "${upstream}" .yaml)
        start_job "${step} probes on ${dir##*/}" "${dir}/${step}.log" "" "" \
            "${job[@]}" --gpu "${ngpu}" "${dir}/${step}.log" \
            env OMP_NUM_THREADS="${train_threads}" \
            "${py[@]}" -m espnet2_ext.bin.superb "${step}" --superb_dir "${superb_dir}" \
            --tasks "${tasks//,/ }" --upstream "${upstream}" \
            ${superb_conf:+--conf_dir "${superb_conf}"} --exp_dir "${expdir}/superb" "$@"
    done
    wait_jobs # one after the other: each uses all processors
}

report() { # SETS OPTION...: tables of all rows
    local baseline by
    read -ra by <<< "${report_by}"
    baseline=$(rows system label | head -n 1)
    printf '%s\n' "${systems}" | write_file "${expdir}/systems.tsv" # of this run, again
    run "${py[@]}" -m espnet2_ext.bin.report --dumpdir "${raw}" --test_sets "$1" \
        --systems "${expdir}/systems.tsv" --baseline "${baseline}" "${@:2}" \
        ${by:+--by "${by[@]}"} --output_dir "${expdir}"
}
