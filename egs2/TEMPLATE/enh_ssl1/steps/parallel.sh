# shellcheck shell=bash
# To be sourced by the templates: audio lists shared out to jobs (stages 7 to 12).
declare nj inference_nj dry_run
declare -a py

share_out() { # TASKS: how many jobs each gets, and how many tasks run side by side
    splits=${inference_nj:-$((nj / $1))}
    splits=$((splits > 1 ? splits : 1))
    at_once $((nj / splits > 1 ? nj / splits : 1))
}

# start_parallel TITLE CMD SCP STAMP PRINT NAME "OUTPUT ..." COMMAND...: in the background,
# unless STAMP says that it is done. Logs are logdir/NAME.JOB.log beside STAMP.
start_parallel() {
    local dir=${4%/*} output=${7%% *}
    up_to_date "$4" "$5" "${dir}/${output##*/}" && return
    start_job "$1" "${dir}/logdir/$6.1.log" parallel "${@:2}"
}

# parallel CMD SCP STAMP PRINT NAME "OUTPUT ..." COMMAND...: COMMAND in jobs of CMD, each
# with its part of SCP as logdir/keys.JOB.scp; then what they left as OUTPUT is merged.
parallel() {
    local cmd=$1 scp=$2 stamp=$3 dir=${3%/*} print=$4 name=$5 outputs n
    read -ra outputs <<< "$6"
    shift 6
    n=$(at_most "${splits}" "$(count_lines "${scp}")")
    fresh_logdir "${dir}/logdir" "${print} ${n}"
    split_keys "${scp}" "${n}" "${dir}/logdir/keys"
    in_jobs "${cmd}" "${n}" "${dir}/logdir/${name}.JOB.log" "${py[@]}" "$@"
    if [ "${outputs[0]}" = scores.jsonl ]; then
        x "${py[@]}" -m espnet2_ext.bin.collect_scores --scoring_dir "${dir}"
    else
        merge_outputs "${scp}" "${dir}" "${n}" "${outputs[@]}"
    fi
    stamp "${stamp}" "${print}"
}

merge_outputs() { # SCP DIR JOBS OUTPUT...: DIR/OUTPUT of all jobs, as many lines as SCP
    local output file j parts expected
    "${dry_run}" && return
    expected=$(count_lines "$1")
    for output in "${@:4}"; do
        file=$2/${output##*/} parts=()
        for ((j = 1; j <= $3; j++)); do parts+=("$2/logdir/output.${j}/${output}"); done
        LC_ALL=C sort "${parts[@]}" | write_file "${file}"
        [ "$(count_lines "${file}")" -eq "${expected}" ] \
            || die "found $(count_lines "${file}") lines in ${file};" \
                "expected ${expected} as in $1; see $2/logdir/*.log"
    done
}
