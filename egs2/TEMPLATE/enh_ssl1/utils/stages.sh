# shellcheck shell=bash
# To be sourced by staged scripts: messages, stages, jobs, what has been done already.
declare dry_run resume_jobs
declare -a py left_out

log() { # MESSAGE
    printf '%s %s\n' "$(date '+%Y-%m-%dT%H:%M:%S')" "$*"
}

die() { # "found ...; expected ...; do ..."
    printf 'ERROR: %s\n' "$*" >&2
    exit 1
}

# ---- which stages run --------------------------------------------------------
stages=0 # until the plan says which

run_stages() { # FIRST LAST: those of these that the plan has, which may grow on the way
    local number start name
    for ((number = $1; number <= $2; number++)); do
        [[ " ${stages} " == *" ${number} "* ]] || continue
        name=$(compgen -A function "stage_${number}_")
        if [ -n "${left_out[number]:-}" ]; then
            log "Stage ${number}: left out (${left_out[number]})"
        else
            start=${SECONDS}
            log "Stage ${number}: $(tr _ ' ' <<< "${name#stage_"${number}"_}")"
            "${name}"
            log "Stage ${number} done in $((SECONDS - start)) s"
        fi
    done
}

# ---- running things ----------------------------------------------------------
# x COMMAND... runs a command, or only prints it with --dry_run true.
x() {
    if "${dry_run}"; then
        printf '+'
        printf ' %q' "$@"
        printf '\n'
    else
        "$@"
    fi
}

write_file() { # FILE: standard input, under its name only when complete
    if "${dry_run}"; then
        cat > /dev/null
    else
        mkdir -p "$(dirname "$1")"
        cat > "$1.tmp.$$" && mv "$1.tmp.$$" "$1"
    fi
}

declare -A _job_name=() _job_log=() _job_out=() # by process id
_job_failed="" _jobs_at_once=1

at_once() { # NUMBER: how many jobs that start_job starts run side by side
    _jobs_at_once=$1
}

# start_job NAME LOG COMMAND...: in the background.
# LOG is what a person looks at; what the command itself prints goes to LOG's
# neighbour *.out. After a failure nothing new is started.
start_job() {
    local name=$1 log=$2 out="${2%.log}.out"
    shift 2
    if "${dry_run}"; then
        "$@"
        return
    fi
    while [ "${#_job_name[@]}" -ge "${_jobs_at_once}" ]; do _wait_for_one; done
    [ -z "${_job_failed}" ] || return 0
    log "  ${name} -> log: ${log}"
    mkdir -p "$(dirname "${log}")"
    set -m # a process group of its own, so that it can be stopped as a whole
    ("$@") > "${out}" 2>&1 < /dev/null &
    set +m
    _job_name[$!]=${name} _job_log[$!]=${log} _job_out[$!]=${out}
}

wait_jobs() { # wait for everything started; stop if something failed
    while [ "${#_job_name[@]}" -gt 0 ]; do _wait_for_one; done
    [ -z "${_job_failed}" ] || die "${_job_failed}"
}

run() { # COMMAND...: one command, its output on the terminal; can be interrupted
    local status=0
    "${dry_run}" && { x "$@"; return; }
    set -m
    ("$@") < /dev/null &
    set +m
    _job_name[$!]=$1
    wait $! || status=$?
    unset "_job_name[$!]"
    return "${status}"
}

_wait_for_one() {
    local pid status ticks=0
    while true; do
        for pid in "${!_job_name[@]}"; do
            kill -0 "${pid}" 2> /dev/null && continue
            status=0
            wait "${pid}" || status=$?
            [ "${status}" -eq 0 ] || _job_error "${pid}" "${status}"
            unset "_job_name[${pid}]"
            return 0
        done
        sleep 0.2
        ticks=$((ticks + 1))
        [ $((ticks % 150)) -ne 0 ] || _show_progress # every 30 seconds
    done
}

_job_error() { # PID STATUS
    local name=${_job_name[$1]} message
    # what the user can mend is one line; a launcher's own traceback would hide it
    message=$(grep -h '^ERROR: ' "${_job_out[$1]}" | LC_ALL=C sort -u) || message=""
    {
        if [ -n "${message}" ]; then
            printf '\n%s\n' "${message}"
        else
            printf '\n---- last lines of %s ----\n' "${_job_out[$1]}"
            tail -n 30 "${_job_out[$1]}" || true
            printf -- '----\n'
        fi
    } >&2
    _job_failed+="${_job_failed:+; }${name} failed with status $2, log: ${_job_log[$1]}"
    log "  ${name} failed; jobs that still run are waited for, no new one is started"
}

_show_progress() { # the newest line of every running job's log
    local pid line
    for pid in "${!_job_name[@]}"; do
        line=$(tail -c 2000 "${_job_log[${pid}]}" 2> /dev/null | tr '\r' '\n' \
            | grep -v -e '^ ' -e '^$' -e Warning | tail -n 1 | cut -c 1-150) || true
        log "  ${_job_name[${pid}]}: ${line}"
    done
}

stop_jobs() { # when the recipe ends or is interrupted
    local pid
    for pid in "${!_job_name[@]}"; do
        kill -TERM -- "-${pid}" 2> /dev/null || true
    done
    wait
}

watch_signals() {
    export RUN_PL_OWNER=$$ # run.pl stops its jobs should this script be killed
    trap stop_jobs EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# ---- what has been done already --------------------------------------------
# A stamp holds a fingerprint: a line per input file, option and audio list. Same
# fingerprint and all outputs there: nothing to do.
fingerprint() { # [--input FILE] [--training YAML] [--audio SCP] [--sample SCP] [--option TEXT] ...
    "${dry_run}" || "${py[@]}" -m espnet2_ext.bin.fingerprint "$@"
}

up_to_date() { # STAMP FINGERPRINT OUTPUT...
    local stamp=$1 print=$2 file
    shift 2
    "${dry_run}" && return 1
    [ -e "${stamp}" ] || return 1
    [ "$(whole_inputs < "${stamp}")" = "$(whole_inputs <<< "${print}")" ] || return 1
    for file in "$@"; do [ -s "${file}" ] || return 1; done
    log "  $(dirname "${stamp}"): inputs unchanged and outputs complete, skipped"
}

whole_inputs() { # of a fingerprint; stamps of before have no others
    grep -v ' apart from what may change$' || true
}

same_apart() { # STAMP FINGERPRINT: made of the same inputs, apart from what may change
    ! "${dry_run}" && [ -e "$1" ] && [ -z "$(changed_inputs "$1" "$2")" ]
}

changed_inputs() { # STAMP FINGERPRINT: what differs of a training, apart from what may change
    "${py[@]}" -m espnet2_ext.bin.training_inputs --begun "$1" <<< "$2"
}

stamp() { # STAMP FINGERPRINT
    printf '%s\n' "$2" | write_file "$1"
}

# in_jobs CMD N LOG FINGERPRINT OPTION... -- COMMAND...: N jobs of a wrapper, with JOB in LOG
# and COMMAND for the number, without those that had finished when the same was broken off.
in_jobs() {
    local words=("${@:5}") wrapper
    if "${dry_run}"; then
        while [ "${words[0]}" != -- ]; do words=("${words[@]:1}"); done
        read -ra wrapper <<< "$1"
        x "${wrapper[@]}" JOB=1:"$2" "$3" "${words[@]:1}"
    else
        in_jobs.py --cmd "$1" --jobs "$2" --log "$3" --resume_jobs "${resume_jobs}" \
            "${words[@]}" <<< "$4"
    fi
}

done_jobs() { # LOGDIR: the work is complete; asked for again, it is all done anew
    "${dry_run}" || rm -f "$1/.begun"
}

count_lines() { # FILE (0 without one, as in a dry run)
    if [ -e "$1" ]; then wc -l < "$1"; else echo 0; fi
}

at_most() { # A B: the smaller, at least 1
    local n=$(($1 < $2 ? $1 : $2))
    echo $((n > 1 ? n : 1))
}
