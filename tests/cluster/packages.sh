# shellcheck shell=bash
# To be sourced by the start scripts: Debian packages unpacked into a folder of this
# repository. Nothing on the system changes and no service starts; apt-get only resolves
# and downloads what is missing here.

CLUSTER_CACHE=${CLUSTER_CACHE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/tools/.apt/cluster}

unpack_packages() { # NAME PACKAGE...: prints the folder with their files
    local tree=${CLUSTER_CACHE}/$1 archives=${CLUSTER_CACHE}/archives.$1 deb log
    shift
    mkdir -p "${archives}/partial"
    exec 9> "${tree}.lock"
    flock 9 # two test processes may start at once
    if [ ! -e "${tree}/.complete" ]; then
        log=${tree}.log
        if ! _download "${archives}" "$@" > "${log}" 2>&1; then
            # lists that are missing or too old; only root can renew them
            { apt-get -qq update && _download "${archives}" "$@"; } >> "${log}" 2>&1 < /dev/null \
                || { echo "found no Debian packages $*: $(tail -n 1 "${log}")" >&2; return 1; }
        fi
        for deb in "${archives}"/*.deb; do dpkg-deb -x "${deb}" "${tree}"; done
        touch "${tree}/.complete"
    fi
    exec 9>&-
    echo "${tree}"
}

_download() { # ARCHIVES PACKAGE...: these and what they need that is not installed
    local archives=$1
    shift
    command -v apt-get > /dev/null || { echo "found no apt-get"; return 1; }
    apt-get install -qq --yes --download-only --no-install-recommends -o Debug::NoLocking=1 \
        -o Dir::Cache::archives="${archives}" -o APT::Sandbox::User=root "$@" < /dev/null
}

# Programs of the folder find its libraries through a wrapper, so that a job's
# environment does not need LD_LIBRARY_PATH.
wrap_programs() { # TREE BIN PROGRAM...
    local tree=$1 bin=$2 program
    shift 2
    mkdir -p "${bin}"
    for program; do
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$(library_path "${tree}")" "${program}" \
            > "${bin}/${program##*/}"
        chmod +x "${bin}/${program##*/}"
    done
}

library_path() { # TREE
    local lib
    lib=$1/usr/lib/$(uname -m)-linux-gnu
    echo "${lib}:${lib}/slurm-wlm:$1/usr/lib/gridengine"
}

# ---- daemons -------------------------------------------------------------------
# Each stays in the foreground of a session of its own, so that $! is its process id.
start_daemon() { # DIR NAME COMMAND...
    local dir=$1 name=$2
    shift 2
    (cd "${dir}" && exec setsid "$@" < /dev/null > "${dir}/log/${name}.out" 2>&1) &
    echo $! > "${dir}/${name}.pid"
}

is_alive() { # PIDFILE
    [ -s "$1" ] && kill -0 "$(cat "$1")" 2> /dev/null
}

stop_daemons() { # PIDFILE...: asks all at once, waits 10 s, then kills; by recorded id only
    local file tries=100
    for file; do ! is_alive "${file}" || kill "$(cat "${file}")" 2> /dev/null || true; done
    for file; do
        while is_alive "${file}"; do
            [ "${tries}" -gt 0 ] || kill -9 "$(cat "${file}")" 2> /dev/null || true
            [ "${tries}" -gt -20 ] || break
            tries=$((tries - 1))
            sleep 0.1
        done
        rm -f "${file}"
    done
}

wait_until() { # SECONDS COMMAND...
    local until=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do # which may itself take seconds
        [ "${SECONDS}" -lt "${until}" ] || return 1
        sleep 0.2
    done
}
