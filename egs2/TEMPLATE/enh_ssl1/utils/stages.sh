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

_queue=() _running="" # words of jobs that wait; the process that is waited for

# start_job TITLE LOG STAMP FINGERPRINT COMMAND...: puts it in the queue of wait_jobs. LOG is
# what a person looks at; a job that succeeds writes FINGERPRINT to STAMP, unless it is empty.
start_job() {
    if "${dry_run}"; then x "${@:5}"; else _queue+=("${@:1:4}" $(($# - 4)) "${@:5}"); fi
}

# start_in_jobs TITLE STAMP FINGERPRINT CMD N LOG OPTION... -- COMMAND...: N jobs of a wrapper,
# with JOB in LOG and COMMAND for the number; the OPTIONs are those of in_jobs.py.
start_in_jobs() {
    start_job "$1" "${6/JOB/1}" "$2" "$3" in_jobs.py --cmd "$4" --jobs "$5" --log "$6" \
        --resume_jobs "${resume_jobs}" --work "$3" "${@:7}"
}

wait_jobs() { # [NUMBER]: runs the queue, so many side by side (1); stops if something failed
    local words=("${_queue[@]}")
    _queue=()
    [ "${#words[@]}" -eq 0 ] \
        || run side_by_side.py --at_once "${1:-1}" <(printf '%s\0' "${words[@]}") || exit 1
}

run() { # COMMAND...: its output on the terminal; can be interrupted
    local status=0
    "${dry_run}" && { x "$@"; return; }
    set -m # a process group of its own, so that it can be stopped as a whole
    "$@" < /dev/null &
    set +m
    _running=$!
    wait "${_running}" || status=$?
    _running=""
    return "${status}"
}

stop_running() { # when the recipe ends or is interrupted
    [ -z "${_running}" ] || kill -TERM -- "-${_running}" 2> /dev/null || true
    wait
}

watch_signals() {
    export RUN_PL_OWNER=$$ # run.pl stops its jobs should this script be killed
    trap stop_running EXIT
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

# FILE (0 without one, as in a dry run)
count_lines() { if [ -e "$1" ]; then wc -l < "$1"; else echo 0; fi; }

at_most() { # A B: the smaller, at least 1
    local n=$(($1 < $2 ? $1 : $2))
    echo $((n > 1 ? n : 1))
}
