# shellcheck shell=bash
# To be sourced by the templates: audio lists shared out to jobs (stages 7 to 12).
declare nj inference_nj
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
    local dir=${3%/*} merge=(--merge "$6") n
    n=$(at_most "${splits}" "$(count_lines "$2")")
    [ "$6" != scores.jsonl ] || merge=()
    in_jobs "$1" "${n}" "${dir}/logdir/$5.JOB.log" "$4" --split "keys=$2" "${merge[@]}" -- \
        "${py[@]}" "${@:7}"
    [ "${#merge[@]}" -gt 0 ] \
        || x "${py[@]}" -m espnet2_ext.bin.collect_scores --scoring_dir "${dir}"
    stamp "$3" "$4"
}
