#!/usr/bin/env bash
# Try both commands of the README on a bare Debian: a minbase chroot with nothing else in
# it, a clean clone of HEAD, and nothing of this machine's environment. To be run as root.
set -euo pipefail

usage() {
    cat <<EOF
Usage: tests/fresh/chroot.sh [--option value ...] SUITE root|user [STEP ...]
  SUITE             bookworm, trixie ...: what debootstrap knows
  root|user         who runs the commands; what "user" is told to install, root installs
  STEP              make (the chroot), setup (the environment), demo (the first command),
                    tests (the second one); those that have passed for this commit are
                    not repeated. None: these four. Others: update (the clone to HEAD, for
                    development: what was made in it stays), remove
  --dir DIR         chroots and logs [espnet2_ext_fresh in TMPDIR or /var/tmp];
                    10 GB for each
  --mirror URI      Debian mirror [this machine's, else debootstrap's]
  --env NAME=VALUE  further environment of the commands, e.g. a package index; repeatable
  --again true      repeat steps that have passed [false]
EOF
}
log() { printf '%s %s\n' "$(date '+%Y-%m-%dT%H:%M:%S')" "$*"; }
die() { printf 'ERROR: %s\n' "$*" >&2; exit 1; }

dir=${TMPDIR:-/var/tmp}/espnet2_ext_fresh mirror="" again=false extra=()
while [[ ${1:-} == -* ]]; do
    case "$1" in
        -h | --help) usage; exit 0 ;;
        --dir | --mirror | --again) printf -v "${1#--}" '%s' "${2:?$1 needs a value}" ;;
        --env) extra+=("${2:?--env needs NAME=VALUE}") ;;
        *) usage >&2; die "found option '$1'; expected one of those above" ;;
    esac
    shift 2
done
[ $# -ge 2 ] || { usage >&2; die "found '$*'; expected SUITE and root or user"; }
suite=$1 who=$2
shift 2
case "${who}" in
    root) home=/root ;;
    user) home=/home/user ;;
    *) usage >&2; die "found '${who}'; expected root or user" ;;
esac
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
steps=("$@")
[ $# -gt 0 ] || steps=(make setup demo tests)
[ "$(id -u)" = 0 ] || die "found uid $(id -u); expected root: a chroot cannot be made without"
for program in debootstrap unshare chroot git; do
    command -v "${program}" >/dev/null || die "found no ${program}; expected it on PATH; apt-get install debootstrap util-linux git"
done
mkdir -p "${dir}/logs"
dir=$(cd "${dir}" && pwd)
head=$(git -C "${repo}" rev-parse HEAD)
root=${dir}/${suite}-${who} logs=${dir}/logs/${suite}-${who}

# ---- running something in the chroot -------------------------------------------
# Mounts are made in a namespace of the command's own: they are gone when it ends,
# however it ends, as are all of its processes, and nothing outside ever sees them.
inside() { # USER COMMAND...
    local user=$1 home=/home/$1 environment=("${extra[@]}") name
    shift
    [ "${user}" = user ] || home=/root
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
        [ -z "${!name:-}" ] || environment+=("${name}=${!name}")
    done
    # shellcheck disable=SC2016 # expanded in there
    unshare --mount --pid --fork --kill-child --propagation private bash -c '
        set -e
        root=$1 user=$2
        shift 2
        mount -t proc proc "${root}/proc"
        mount -t sysfs -o ro sysfs "${root}/sys" || true # some containers have none to give
        mount -t tmpfs -o mode=1777 tmpfs "${root}/dev/shm"
        mount -t devpts -o newinstance,ptmxmode=0666 devpts "${root}/dev/pts"
        exec chroot --userspec="${user}:${user}" "${root}" "$@"' \
        inside "${root}" "${user}" /usr/bin/env -i HOME="${home}" USER="${user}" \
        LOGNAME="${user}" SHELL=/bin/bash TERM="${TERM:-dumb}" "${environment[@]}" \
        PATH="$([ "${user}" = user ] || printf /usr/local/sbin:/usr/sbin:/sbin:)/usr/local/bin:/usr/bin:/bin" \
        "$@" </dev/null
}

# ---- steps -------------------------------------------------------------------------
# shellcheck disable=SC2016 # apt's own variables
host_mirror() { # where this machine has Debian from, if its lists say so
    apt-get indextargets --format '$(REPO_URI)|$(LABEL)' 'Created-By: Packages' 2>/dev/null \
        | sed -n 's/|Debian$//p' | sort -u | head -n 1
}

step_make() {
    local partial=${root}.partial options=(--variant=minbase)
    no_mounts "${partial}"
    no_mounts "${root}"
    rm -rf --one-file-system "${partial}" "${root}"
    [ -n "${mirror}" ] || mirror=$(host_mirror || true)
    [[ ${mirror} != https:* ]] || options+=(--include=ca-certificates)
    debootstrap "${options[@]}" "${suite}" "${partial}" ${mirror:+"${mirror}"}
    take_over_network "${partial}"
    [ "${who}" = root ] || chroot "${partial}" /usr/sbin/useradd --create-home --shell /bin/bash user
    git clone --quiet --no-hardlinks "${repo}" "${partial}${home}/espnet2_ext"
    git -C "${repo}" log -1 --format='clone of %H %s'
    [ -z "$(git -C "${repo}" status --porcelain)" ] || echo "WARNING: changes that are not committed are not tried"
    chroot "${partial}" chown -R "${who}:${who}" "${home}"
    mv "${partial}" "${root}"
}

step_update() {
    git_as_owner fetch --quiet "${repo}" HEAD
    git_as_owner reset --hard FETCH_HEAD
    chroot "${root}" chown -R "${who}:${who}" "${home}/espnet2_ext"
}

git_as_owner() { # the clone belongs to a user whom this machine does not know
    git -c safe.directory='*' -C "${root}${home}/espnet2_ext" "$@"
}

take_over_network() { # ROOT: names, apt's connection settings, certificates made here
    local file
    cat /etc/resolv.conf >"$1/etc/resolv.conf"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$(hostname)" >"$1/etc/hosts"
    hostname >"$1/etc/hostname"
    apt-config dump 2>/dev/null | grep -E '^Acquire::(https?|ftp|Check-|Retries)' \
        >"$1/etc/apt/apt.conf.d/90host" || true
    for file in /usr/local/share/ca-certificates/*.crt; do # read by package ca-certificates
        [ ! -e "${file}" ] || install -D -m 644 -t "$1/usr/local/share/ca-certificates" "${file}"
    done
    [ ! -x "$1/usr/sbin/update-ca-certificates" ] || chroot "$1" /usr/sbin/update-ca-certificates
}

no_mounts() { # FOLDER: never delete through a mount
    ! awk -v at="$1" '$2 == at || index($2, at "/") == 1 { found = 1 } END { exit !found }' /proc/mounts \
        || die "found something mounted under $1; expected nothing; unmount it first"
}

# A command of the README in the clone. A user who is told what to install has it
# installed, once: everything must be named at the first time, and soon.
newcomer() { # COMMAND...
    local out=${root}.said line start=${SECONDS}
    if inside "${who}" bash -c "${in_clone}" bash "$@" 2>&1 | tee "${out}"; then return; fi
    line=$(sed -n 's/.*as root, run: //p' "${out}" | tail -n 1)
    [[ ${who} == user && -n ${line} ]] || return 1
    log "told after $((SECONDS - start)) s; as root: ${line}"
    [ $((SECONDS - start)) -le 5 ] \
        || die "expected to be told within 5 s, before anything is downloaded"
    inside root env DEBIAN_FRONTEND=noninteractive bash -c "${line}"
    inside "${who}" bash -c "${in_clone}" bash "$@"
}
# shellcheck disable=SC2016 # expanded in there
in_clone='cd ~/espnet2_ext && exec "$@"'

step_setup() { newcomer egs2/debian_speech/enh_ssl1/run.sh --stop_stage 0; }
step_demo() { newcomer egs2/debian_speech/enh_ssl1/run.sh; }
step_tests() { newcomer tests/run.sh; }

# ---- all of them -------------------------------------------------------------------
running="" # a process group; with its unshare, everything in the chroot ends
trap '[ -z "${running}" ] || kill -KILL -- "-${running}" 2>/dev/null || true' EXIT

run_step() { # STEP: with its log, unless it has passed
    local step=$1 status=0 start=${SECONDS}
    if ! "${again}" && [ "$(cat "${root}.passed.${step}" 2>/dev/null)" = "${head}" ]; then
        log "${suite} ${who} ${step}: has passed for ${head}"
        return
    fi
    [[ ${step} == make || -d ${root} ]] || die "found no ${root}; expected the chroot; run step make first"
    rm -f "${root}.passed.${step}"
    [ "${step}" != make ] || rm -f "${root}".passed.*
    log "${suite} ${who} ${step} -> log: ${logs}.${step}.log"
    set -m # a process group of its own
    ("step_${step}") >"${logs}.${step}.log" 2>&1 &
    set +m
    running=$!
    wait "${running}" || status=$?
    running=""
    printf '%s %s %s: status %s after %s s\n' "${suite}" "${who}" "${step}" "${status}" \
        "$((SECONDS - start))" | tee -a "${dir}/logs/summary.txt"
    if [ "${status}" -ne 0 ]; then
        tail -n 30 "${logs}.${step}.log" >&2
        die "${suite} ${who} ${step} failed; log: ${logs}.${step}.log"
    fi
    [ "${step}" != update ] || step="make" # of this commit from now on
    echo "${head}" >"${root}.passed.${step}"
}

for step in "${steps[@]}"; do
    case "${step}" in
        make | update | setup | demo | tests) run_step "${step}" ;;
        remove) no_mounts "${root}" && rm -rf --one-file-system "${root}" "${root}".passed.* "${root}.said" ;;
        *) usage >&2; die "found step '${step}'; expected one of those above" ;;
    esac
done
