# shellcheck shell=bash
# To be sourced by the templates: audio lists shared out to jobs (stages 7 to 12).
declare nj inference_nj

share_out() { # TASKS: how many jobs each gets, and how many tasks run side by side
    splits=${inference_nj:-$((nj / $1))}
    splits=$((splits > 1 ? splits : 1))
    at_once=$((nj / splits > 1 ? nj / splits : 1))
}

wait_shared() { wait_jobs "${at_once}"; }

# start_parallel TITLE CMD SCP STAMP PRINT NAME "OUTPUT ..." OPTION... -- COMMAND...: unless
# STAMP says that it is done, COMMAND in jobs of CMD, each with its part of SCP, which is
# logdir/keys.JOB.scp beside STAMP; then what they left as OUTPUT is merged, unless the
# OPTIONs (of in_jobs.py) say what else makes OUTPUT of it.
start_parallel() {
    local dir=${4%/*} first=${7%% *} n merge=()
    up_to_date "$4" "$5" "${dir}/${first##*/}" && return
    n=$(at_most "${splits}" "$(count_lines "$3")")
    [ "$8" != -- ] || merge=(--merge "$7")
    start_in_jobs "$1" "$4" "$5" "$2" "${n}" "${dir}/logdir/$6.JOB.log" \
        --split "keys=$3" "${merge[@]}" "${@:8}"
}
